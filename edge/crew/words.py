"""Every text that the crew reads, in plain English, so that another language is one more module like this one."""

from typing import Final

LANGUAGE: Final = "en"

STAGE_WORDS: Final = {
    "queued": "Waiting",
    "sent": "Sent",
    "received": "Received",
    "refused": "Refused",
    "processed": "Processed",
    "anchored": "Anchored",
}
"""Short names of the stages; the keys are `edge.views.STAGES`."""
STAGE_MEANINGS: Final = {
    "queued": "On this device. Goes out as soon as there is a link.",
    "sent": "On its way. The server has not signed for it yet.",
    "received": "The server has signed for it.",
    "refused": "The server refused it. See what to do below.",
    "processed": "The server has worked it into the survey.",
    "anchored": "Proof stands on the chain. Nobody can change it unseen.",
}
STAGE_SIGNS: Final = {
    "queued": ".",
    "sent": ">",
    "received": "+",
    "refused": "!",
    "processed": "*",
    "anchored": "#",
}
"""One ASCII sign a stage, for consoles without colour or further letters."""

STATUS_WORDS: Final = {
    "alive": "Alive",
    "standing-dead": "Dead, standing",
    "fallen": "Fallen",
    "stump": "Stump",
    "gone": "Gone",
}
"""Words for `domain.quantities.Status`."""
DAMAGE_AGENTS: Final = ("wind", "snow", "bark beetle", "fungus", "fire", "browsing", "drought", "lightning", "felling")
"""What is offered as a damage agent; any other may be typed."""
QUALITY_WORDS: Final = {
    0: "no fix",
    1: "single",
    2: "differential",
    3: "PPS",
    4: "RTK fixed",
    5: "RTK float",
    6: "estimated",
    7: "by hand",
    8: "simulated",
    9: "SBAS",
}
"""Words for `domain.readings.Quality`."""

NOW: Final = "Now"
ITEMS: Final = "Items"
ENTER: Final = "Enter"
TREE: Final = "Tree"
MORE: Final = "More"
FILES: Final = "Files"
CAMPAIGNS: Final = "Campaigns and plots"
SKIP: Final = "To the content"
NAVIGATION: Final = "Main"

ALL_SIGNED: Final = "All signed for"
ALL_SIGNED_MORE: Final = "The server has signed for every record of this device."
NOTHING_YET: Final = "Nothing recorded yet"
NOTHING_YET_MORE: Final = "Start the instruments, or enter a tree."
UNSIGNED_ONE: Final = "1 record not signed for"
UNSIGNED_MANY: Final = "{count} records not signed for"
UNSIGNED_MORE: Final = "Safe on this device. Keep it until the server has signed."
FILES_LEFT_ONE: Final = "1 file still to send"
FILES_LEFT_MANY: Final = "{count} files still to send"
FILES_LEFT_MORE: Final = "The server has signed for every record. Keep the device until it has the files whole."
FILES_LEFT_SEE: Final = "See the files"
REFUSED_ONE: Final = "1 record refused: see why"
REFUSED_MANY: Final = "{count} records refused: see why"
ALARMS: Final = "Do this now"
STAGES_TITLE: Final = "Records"
DEVICE_TITLE: Final = "Device"

LINK: Final = "Link"
LINK_UP: Final = "Connected"
LINK_DOWN: Final = "No link"
LINK_DOWN_MORE: Final = "Recording goes on. Everything is sent later."
SERVER: Final = "Server"
SERVER_NEVER: Final = "has not answered yet"
SERVER_AGO: Final = "answered {ago}"
SERVER_REFUSES: Final = "does not know this device"
REFUSES_DEVICE: Final = "The server does not know this device: {reason}"
BATTERY: Final = "Battery"
CHARGING: Final = "charging"
NO_BATTERY: Final = "none to be read"
DISK: Final = "Disk free"
SATELLITES: Final = "Satellites"
SATELLITES_NONE: Final = "no receiver"
SATELLITES_USED: Final = "{used} of {seen}"
METERED: Final = "Sent this month"
METERED_OF: Final = "{sent} of {budget}"
READINGS: Final = "Readings"
SKIPPED: Final = "Lines not understood"
FILES_LEFT: Final = "Still to send"
FILES_OF: Final = "{whole} of {files} whole"
ORGANISATION: Final = "Organisation"
DEVICE: Final = "Device"
CAMPAIGN: Final = "Campaign"
BROKER: Final = "Broker"
CONNECTIONS: Final = "Times connected"

ALL: Final = "All"
OLDER: Final = "Older"
NO_ITEMS: Final = "Nothing here."
READ: Final = "I have read it"
READ_LABEL: Final = "Mark as read"
READ_DONE: Final = "No more among the refused. Its bytes stay on this device."
WHY: Final = "Why"
WHAT_TO_DO: Final = "What to do"
RULE_UNKNOWN: Final = "The server gave no reason."
REMEDY_UNKNOWN: Final = "Ask your office; tell them the record's name below."
STAGE: Final = "Stage"
RECORDED: Final = "Recorded"
NUMBER: Final = "Number"
KIND: Final = "Kind"
TIMES_SENT: Final = "Times sent"
BLOCK: Final = "Block"
ANCHORED: Final = "Anchored"
NAME: Final = "Name of the record"
PROOF: Final = "Proof"
SAVE_PROOF: Final = "Save as proof"
SAVE_PROOF_MORE: Final = (
    "A small file, signed by the server. It shows anyone that the server has this record. Keep it somewhere else too."
)
PROOF_STORED: Final = "Signed by the server as stored:"
PROOF_REFUSED: Final = "Signed by the server as refused and kept:"
NO_PROOF: Final = "No receipt yet. It comes when the server has signed."
BAD_PROOF: Final = "The receipt on this device is damaged. Tell your office. {reason}"
SAVE_ALL: Final = "Save all receipts"
SAVE_ALL_MORE: Final = "One file with every receipt on this device. Save it before you leave the forest."

NO_FILES: Final = "No files on this device."
FILE_HELD: Final = "{held} of {size} at the server"
FILE_WHOLE: Final = "whole at the server"
FILE_UNNAMED: Final = "File"

ENTER_TITLE: Final = "Enter a tree"
FIELD_TREE: Final = "Tree code"
HINT_TREE: Final = "17 symbols from the label. Leave empty for a tree without one."
FIELD_PLOT: Final = "Plot"
NO_PLOT: Final = "No plot"
FIELD_SPECIES: Final = "Species"
HINT_SPECIES: Final = "Type a code or part of a name."
HINT_SPECIES_FREE: Final = "No list has come down yet: type the scientific name."
OTHER_SPECIES: Final = "Not in the list: take it as typed"
FIELD_STATUS: Final = "Status"
FIELD_DIAMETER: Final = "Diameter"
UNIT: Final = "Unit"
FIELD_AT_HEIGHT: Final = "Measured at"
FIELD_HEIGHT: Final = "Height"
FIELD_DAMAGE: Final = "Damage"
HINT_DAMAGE: Final = "What harmed it: wind, beetle, fire…"
FIELD_DAMAGE_PERCENT: Final = "How much of the tree"
FIELD_REMARK: Final = "Remark"
FIELD_SURE: Final = "The figure is right"
METRES: Final = "m"
PERCENT: Final = "%"
SAVE: Final = "Save"
SAVED: Final = "Saved on this device: {words}"
SAVED_SEE: Final = "See the record"
NOT_SAVED: Final = "Not saved yet"
NOT_SAVED_MORE: Final = "Put right what is marked below. Everything you typed is still here."
OLD_FORM: Final = (
    "This form is from before the device was started again. Look in Items if it was saved; if not, save it."
)
NOTHING_TYPED: Final = "Enter at least one thing about the tree: species, status, diameter, height, damage or a remark."
BAD_NUMBER: Final = "“{given}” is no number. Write it like 32.5"
BAD_STEP: Final = "“{given}” is finer than a millimetre. Round it."
BAD_WHOLE: Final = "“{given}” is no whole number. Write it like 40"
BAD_DIAMETER: Final = "A diameter is between 1 mm and 20 m. Check number and unit."
BAD_HEIGHT: Final = "A height is between 0 and 200 m. Check the number."
OFF_BREAST_HEIGHT: Final = "Not breast height (1.30). It stays so for the next trees too."
BAD_AT_HEIGHT: Final = "Between 0 and 200 m above the ground. Breast height is 1.30"
BAD_PERCENT: Final = "Between 0 and 100."
BAD_CODE: Final = "A code has 17 symbols, like 4T7W-9K2M-QX5Z-0B3HD. Read the label again."
BAD_CHECK: Final = "One symbol was misread or two were swapped. Read the label again."
BAD_PLOT: Final = "No plot of that name here. Use a-z, 0-9 and - (at most 32), or choose from the list."
BAD_STATUS: Final = "Choose one of the five."
BAD_SPECIES: Final = "“{given}” is not in the list. Choose from it, or tick “not in the list”."
BAD_SPECIES_MANY: Final = "“{given}” fits {names}. Type more of it."
TOO_LONG: Final = "At most {most} characters; this has {count}."
NO_UNIT: Final = "Choose cm or mm."
UNLIKELY_DIAMETER: Final = "{given} is thicker than nearly any tree. Check the unit. If it is right, tick “{sure}”."
UNLIKELY_HEIGHT: Final = "{given} is taller than nearly any tree. If it is right, tick “{sure}”."

TREE_TITLE: Final = "Find a tree"
SCAN: Final = "Take a photo of the label"
SCAN_BUSY: Final = "Reading the photo…"
SCAN_NOTHING: Final = "No code found in the photo. Go closer, hold still, or type it."
SCAN_UNREADABLE: Final = "This file is no photo that can be read. Take another, or type the code."
OPEN_TREE: Final = "Open"
TREE_NONE: Final = "This device has recorded nothing of this tree."
TREE_VISITS: Final = "Recorded on this device"
ENTER_THIS: Final = "Enter this tree"

NO_CAMPAIGNS: Final = "No campaign has come down yet. It comes by itself when there is a link."
THIS_CAMPAIGN: Final = "You measure for this"
METHOD: Final = "How"
STARTS: Final = "From"
ENDS: Final = "Until"
OPEN_END: Final = "open"
CREW: Final = "Crew"
AREAS: Final = "Plots and areas"
NO_AREAS: Final = "None have come down yet."
AREA_USES: Final = {"stand": "Stand", "parcel": "Parcel", "plot": "Plot", "protected": "Protected place"}
SPECIES_LISTS: Final = "Species lists"
SPECIES_COUNT: Final = "{count} species"

NIGHT: Final = "Night colours"
DAY: Final = "Day colours"
STALE: Final = "No answer from the device. What you see is old."

ERROR_TITLES: Final = {
    400: "Not understood",
    403: "Refused",
    404: "Not here",
    408: "Too slow",
    409: "Not yet",
    413: "Too much",
    421: "Wrong address",
    500: "The device had a fault",
}
ERROR_FALLBACK: Final = "Go back and try again."

JUST_NOW: Final = "just now"
MINUTES_AGO: Final = "{count} min ago"
HOURS_AGO: Final = "{count} h ago"
DAYS_AGO: Final = "{count} days ago"
UNKNOWN: Final = "unknown"
