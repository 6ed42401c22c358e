"""The publications that equations come from, and how far their equations may be off."""

from dataclasses import dataclass
from typing import Final

from survey.allometry.equation import Source


@dataclass(frozen=True, slots=True)
class Spread:
    """How far an equation may be off.

    Attributes
    ----------
    own
        Relative standard error of one tree about the equation.
    shared
        Relative standard error of the equation for all trees of a stand alike.
    comes_from
        Where both come from.
    """

    own: float
    shared: float
    comes_from: str


_JUCKER = (
    "Jucker et al. (2017), Allometric equations for integrating remote sensing imagery into forest monitoring "
    "programmes, Global Change Biology 23: 177-190"
)
_JUCKER_DOI = "10.1111/gcb.13388"
JUCKER_GLOBAL: Final = Source(_JUCKER, _JUCKER_DOI, "equations for diameter and biomass")
JUCKER_REGIONS: Final = Source(_JUCKER, _JUCKER_DOI, "equations for diameter by region, biome and type")
LAMBERT: Final = Source(
    "Lambert, Ung and Raulier (2005), Canadian national tree aboveground biomass equations, Canadian Journal of Forest "
    "Research 35: 1996-2018",
    "10.1139/x05-112",
    "equations of diameter and height",
)
UNG: Final = Source(
    "Ung, Bernier and Guo (2008), Canadian national biomass equations: new parameter estimates that include British "
    "Columbia data, Canadian Journal of Forest Research 38: 1123-1132",
    "10.1139/X07-224",
    "equations of diameter and height",
)
FORRESTER: Final = Source(
    "Forrester et al. (2017), Generalized biomass and leaf area allometric equations for European tree species, Forest "
    "Ecology and Management 396: 160-175",
    "10.17632/4jytx9s44j.1",
    "general equations, form 3",
)
LUO: Final = Source(
    "Luo, Li and Zhu (2002), Estimated biomass and productivity of natural vegetation on the Tibetan Plateau, "
    "Ecological Applications 12: 980-997",
    None,
    "Ecological Archives A012-008, appendix B",
)
JENKINS: Final = Source(
    "Jenkins, Chojnacky, Heath and Birdsey (2003), National-scale biomass estimators for United States tree species, "
    "Forest Science 49: 12-35",
    "10.1093/forestscience/49.1.12",
    "table 4",
)
NSVB: Final = Source(
    "Westfall et al. (2024), A national-scale tree volume, biomass, and carbon modeling system for the United States, "
    "General Technical Report WO-104, USDA Forest Service",
    "10.2737/WO-GTR-104",
    "tables S3, S8, S13",
)
FORM: Final = Source(
    "Breast-height form factor: mean of the species of Westfall et al. (2024) at 30 cm and 22 m",
    "10.2737/WO-GTR-104",
    "table S3",
)

# The paper corrects the back-transformation by exp(s ** 2 / 2) with s = 0.056 for diameter and 0.204 for biomass. As
# standard deviations of single trees these cannot be: biomass from diameter, height and wood density together still
# scatters by 0.357 about its equation (Chave et al. 2014, doi 10.1111/gcb.12629), and height and crown know less. Read
# as mean squares they are 0.24 and 0.45, and these two fit one another: biomass goes with the 1.9th power of diameter.
# So errors are their roots. Values keep the printed correction, as all other software has it; were it exp(s / 2), they
# would be 2.6 and 8.4 % higher, which lies within the shared errors.
JUCKER_DBH_OWN: Final = 0.056**0.5
JUCKER_AGB_OWN: Final = 0.204**0.5
JUCKER_DBH_GLOBAL: Final = Spread(
    JUCKER_DBH_OWN, 0.25, "own: root of the printed 0.056; shared: spread of the 24 regional equations about it"
)
JUCKER_DBH_REGIONAL: Final = Spread(
    JUCKER_DBH_OWN,
    0.13,
    "own: root of the printed 0.056; shared: spread of the regions of gymnosperms among each other",
)
_TWO_WAYS = (
    "own: root of the printed 0.204; shared: root mean square difference from the way by diameter, see sources.py"
)
# Biomass straight from height and crown against the other way there is: the diameter by each regional equation of the
# type (woodlands apart), then biomass by each species' own equation of Canada and the United States; 469 pairs of
# gymnosperms and 1,133 of angiosperms at heights of 12 to 32 m differ by root mean squares of 0.40 and 0.50 of their
# logarithms. Beside it a stand departs from its region by 0.13 in diameter, hence 0.29 in biomass.
JUCKER_AGB: Final = {
    "gymnosperm": Spread(JUCKER_AGB_OWN, 0.49, _TWO_WAYS),
    "angiosperm": Spread(JUCKER_AGB_OWN, 0.58, _TWO_WAYS),
}
_S13 = "own: table S13; shared: spread of table S19 less its sampling noise"
NSVB_BIOMASS: Final = Spread(0.197, 0.052, _S13)
NSVB_GROUP: Final = Spread(0.197, 0.12, "own: table S12; shared: spread of species about their group's equation")
NSVB_VOLUME: Final = Spread(0.114, 0.031, _S13)
NSVB_GROUP_VOLUME: Final = Spread(0.114, 0.08, "own: table S12; shared: judged")
FORM_FACTOR: Final = Spread(0.114, 0.10, "own: table S12 of WO-104; shared: twice the spread of its species")
_LIKE = "judged, after the errors of like equations in WO-104"
CANADA: Final = Spread(0.215, 0.08, _LIKE)
CANADA_TYPE: Final = Spread(0.25, 0.15, _LIKE)
EUROPE: Final = Spread(0.25, 0.12, _LIKE)
EUROPE_TYPE: Final = Spread(0.30, 0.18, _LIKE)
CHINA: Final = Spread(0.25, 0.20, "judged: 9 to 20 trees of one place stand behind each")
JENKINS_GROUP: Final = Spread(0.30, 0.15, _LIKE)
