"""Captions, versions, exports, and what a picture file says of itself."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

DATASETS: Sentences = {
    "caption_empty": (_("{count} pictures have no caption. Write one for each."),),
    "caption_too_long": (_("The caption has {tokens} tokens; the model reads only the first {limit}. Shorten it."),),
    "trigger_missing": (
        _(
            "The trigger word “{phrase}” is missing from {count} captions. Add it, so that the model ties the"
            " subject to it."
        ),
    ),
    "phrase_repeated": (_("“{phrase}” stands more than once in {count} captions. Once is enough."),),
    "captions_identical": (_("{count} pictures have the same caption. Say what tells them apart."),),
    "phrase_synonym": (_("“{phrase}” in {count} captions means the same as “{suggestion}”. Use the team's word."),),
    "phrase_case_mixed": (
        _(
            "“{phrase}” is written with other capitals than “{suggestion}” in {count} captions. Write it the "
            "same way everywhere."
        ),
    ),
    "phrase_underscore": (
        _("“{phrase}” has underscores in {count} captions. The model reads words better with spaces: “{suggestion}”."),
    ),
    "phrase_number_mixed": (
        _("Both “{phrase}” ({count} captions) and “{suggestion}” are used. If they mean the same, choose one."),
    ),
    "word_unknown": (
        _("The word “{word}” in “{phrase}” is not known. Check its spelling, or add it to the vocabulary."),
    ),
    "fragment_everywhere": (
        _(
            "“{phrase}” stands in {percent} per cent of the captions. The model may tie it to the pictures "
            "instead of the trigger word: remove it, or vary it."
        ),
    ),
    "phrase_once": (
        _(
            "“{phrase}” stands in one caption only, so the model can hardly learn it. Use a more common word,"
            " or leave it."
        ),
    ),
    "too_few_pictures": (
        _("There are {count} different pictures; this method usually needs at least {least}. Add more."),
    ),
    "more_than_usual": (
        _("There are {count} different pictures; this method usually needs no more than {most}. Keep the best ones."),
    ),
    "near_duplicates": (
        _(
            "{count} pictures are near copies of others and count once only. Remove them, or keep the best of"
            " each group."
        ),
    ),
    "pictures_flagged": (_("{count} pictures have an open quality warning. Look at them before training."),),
    "captions_missing": (
        _("{count} pictures have no caption, and this method learns from captions. Write them first."),
    ),
    "readiness_method_unknown": (_("There is no training method “{method}”. Choose one from the list."),),
    "readiness_counts_unfit": (_("The counts do not fit a dataset of {count} pictures. Run the checks again."),),
    "manifest_value_unfit": (
        _(
            "The “{field}” of picture {number} cannot be recorded: it is missing, too long or of the wrong "
            "kind. Correct it on the picture's page."
        ),
    ),
    "manifest_line_unreadable": (
        _(
            "Line {line} is not a line of a dataset manifest. The file was changed after Daicho wrote it: "
            "download it again."
        ),
    ),
    "manifest_numbers_broken": (
        _(
            "Line {line} should hold picture {expected}, but holds picture {number}. A line is missing or in "
            "the wrong place."
        ),
    ),
    "manifest_too_long": (_("A dataset version holds at most {limit} pictures. Divide the dataset."),),
    "manifest_number_unknown": (_("There is no picture {number} in this version; it has {count}."),),
    "export_empty": (_("This version holds no pictures, so there is nothing to export."),),
    "export_format_unknown": (_("There is no export format “{format}”. Choose one from the list."),),
    "export_picture_empty": (
        _("Picture {number} could not be read, so the export was stopped. Check the picture on its page."),
    ),
    "export_value_unfit": (_("The value of “{field}” cannot be used for this export. Correct it and try again."),),
    "split_share_unfit": (_("The share for validation must be more than 0 and less than 1, such as 0.1."),),
    "split_key_twice": (_("The picture {key} is in the list twice. Remove one of the two."),),
    "xmp_too_large": (
        _("The file's rights data (XMP) is larger than {limit} bytes and was not read. Check the rights by hand."),
    ),
    "xmp_forbidden_markup": (
        _(
            "The file's rights data (XMP) holds a document type or entities, which no honest program writes. "
            "It was not read. Check where the file comes from."
        ),
    ),
    "xmp_unreadable": (_("The file's rights data (XMP) is damaged and was not read. Check the rights by hand."),),
    "data_mining_unknown": (
        _("The file says “{value}” about data mining, which Daicho does not know. Read it and decide by hand."),
    ),
    "c2pa_unreadable": (
        _("The file carries Content Credentials (C2PA), but they could not be read. Open the file in a C2PA viewer."),
    ),
    "provenance_not_fetched": (
        _("The file says that its provenance is kept at {url}. Daicho fetched nothing from there."),
    ),
    "data_mining_prohibited": (
        _(
            "The file itself forbids data mining ({found}), but “{declared}” was declared. Ask the rights "
            "holder before you train on it."
        ),
    ),
    "license_url_differs": (
        _(
            "The file names the licence {found} ({url}), but “{declared}” was declared. Correct the "
            "declaration or add evidence for it."
        ),
    ),
    "rights_reserved": (
        _("The file says “{found}”, but “{declared}” was declared. Check that the rights were really given up."),
    ),
    "rights_marked": (
        _("The file is marked as protected by rights, but “{declared}” was declared. Check which of the two is true."),
    ),
    "c2pa_training_forbidden": (
        _(
            "The file's Content Credentials forbid training ({found}), but “{declared}” was declared. Ask the"
            " rights holder before you train on it."
        ),
    ),
    "c2pa_training_constrained": (
        _(
            "The file's Content Credentials allow training only under conditions ({found}), and “{declared}” "
            "was declared. Read the conditions first."
        ),
    ),
    "fingerprint_unreadable": (
        _(
            "The stored fingerprint of this picture ({size} bytes) cannot be read. Run the duplicate check "
            "again to compute it anew."
        ),
    ),
    "crop_size_unusable": (
        _("A picture of {width} × {height} pixels cannot be cropped for training. Remove it or upload it again."),
    ),
    "crop_side_unusable": (_("A training side of {side} pixels is not possible. Choose a multiple of {step}."),),
    "small": (_("The picture is smaller than the training size. Use a larger original, or train at a smaller size."),),
    "odd_aspect": (
        _(
            "The picture is very long and narrow, so a crop would lose most of it. Crop it yourself to the "
            "part that matters."
        ),
    ),
    "blurry": (
        _("Even the sharpest edges are soft. Replace the picture with a sharp one, or the model learns the blur."),
    ),
    "upscaled": (_("The fine detail is missing: the picture was probably enlarged. Look for the original."),),
    "noisy": (_("The picture is grainy all over. Use a cleaner one, unless the grain is the style you want."),),
    "blocky": (
        _("A grid of 8-pixel blocks is visible, as strong JPEG compression leaves it. Look for a better copy."),
    ),
    "dark": (_("Nearly the whole picture is dark. Brighten it or leave it out."),),
    "bright": (_("Large parts are overexposed to plain white. Use a picture that still shows detail there."),),
    "low_contrast": (_("The picture is faint: light and dark hardly differ. Raise the contrast or leave it out."),),
    "gray": (
        _("The picture has no color although it is stored in color. Keep it only if the model should draw in gray."),
    ),
    "letterbox": (_("Plain bars run along opposite edges. Crop them off, or the model learns to draw them."),),
    "text": (
        _(
            "There is lettering or a watermark in the picture. Check its rights, and crop it off or leave the"
            " picture out."
        ),
    ),
}
