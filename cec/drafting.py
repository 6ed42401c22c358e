"""What a cloud holds, as unsigned bodies: trees by their tops from above, by their stems from within the forest.

It imports the tree science, which only the worker of a survey pays for.
"""

from domain.cid import Cid
from ingest.pipeline.ports import Draft, SurveyRequest
from register.entries import Box
from survey.airborne.plot import survey_plot
from survey.parameters import PlotParameters
from survey.records.bodies import RecordContext, build_result, build_survey, build_trees
from survey.records.campaigns import enclose_ground
from survey.records.stems import build_stem_trees
from survey.records.stems_cloud import StemScience, survey_stem_cloud


def draft_cloud(request: SurveyRequest, secret: bytes, unsigned: Cid, *, region: str | None = None) -> Draft:
    """Return what a cloud holds.

    Parameters
    ----------
    request
        Which cloud, for whom, and how it was taken.
    secret
        The organisation's, for tree codes.
    unsigned
        Stands for the link to the survey.
    region
        Whose equations take measured stem diameters; absent: those of the whole Earth.

    Raises
    ------
    SurveyError
        When the file cannot be read, has no CRS, or shows no trees of that kind.
    """
    context = RecordContext(
        request.org, request.campaign, request.root, request.blob, secret, request.at_ms, request.taken_ms
    )
    if request.is_from_within:
        return _draft_stems(request, context, unsigned, region=region)
    plot = survey_plot(request.cloud, PlotParameters(crs=request.crs))
    survey, closing = build_survey(plot, context), build_result(plot, context, unsigned)
    ground = enclose_ground(closing, survey.crs)
    trees = build_trees(plot, context, unsigned)
    return Draft(survey, trees, closing, plot.counts.read, None if ground is None else Box(*ground))


def _draft_stems(request: SurveyRequest, context: RecordContext, unsigned: Cid, *, region: str | None) -> Draft:
    found = survey_stem_cloud(request.cloud, StemScience(crs=request.crs, region=region))
    survey, closing = build_survey(found, context), build_result(found, context, unsigned)
    ground = enclose_ground(closing, survey.crs)
    trees = build_stem_trees(found, context, unsigned)
    return Draft(survey, trees, closing, found.plot.points, None if ground is None else Box(*ground))
