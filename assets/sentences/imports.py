"""Archives, tables, dates and licences as people write them, and addresses that are fetched."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

IMPORTS: Sentences = {
    "archive_empty": (_("The archive holds no files. Pack the pictures again and upload the new archive."),),
    "archive_too_big": (
        _("The archive has {size} bytes, but at most {limit} are accepted. Split it into several archives."),
    ),
    "archive_truncated": (
        _("Part of the archive is missing, perhaps because the upload was interrupted. Upload it again."),
    ),
    "archive_format_refused": (
        _("The file is a {format} archive. Only ZIP archives are accepted: unpack it and pack the pictures as ZIP."),
    ),
    "archive_split": (_("The archive is one part of several. Pack the pictures as one ZIP file without splitting."),),
    "not_a_zip": (_("The file is not a ZIP archive. Choose a .zip file."),),
    "directory_damaged": (_("The list of contents inside the archive is damaged. Pack the pictures again."),),
    "directory_too_big": (
        _(
            "The list of contents inside the archive has {size} bytes, but at most {limit} are accepted. Put "
            "fewer files into one archive."
        ),
    ),
    "too_many_entries": (_("The archive holds more than {limit} files. Split it into several archives."),),
    "entries_overlap": (
        _(
            "Files inside the archive lie on top of each other, as they do in archives made to cause harm. "
            "Nothing was read. Pack the pictures again."
        ),
    ),
    "unpacks_too_big": (
        _("The archive unpacks to {size} bytes, but at most {limit} are accepted. Split it into several archives."),
    ),
    "size_lies": (
        _("“{name}” unpacks to more than the {size} bytes that the archive states. It was not read. Pack it again."),
    ),
    "entry_damaged": (_("“{name}” is damaged inside the archive. Pack it again from the original."),),
    "name_empty": (_("A file in the archive has no name. Give it one and pack it again."),),
    "name_hidden_characters": (
        _("The name “{name}” holds characters that cannot be seen. Rename the file and pack it again."),
    ),
    "name_drive": (_("The name “{name}” begins with a drive letter. Pack the file with its plain name."),),
    "name_climbs": (_("The name “{name}” points outside its folder. Pack the file with its plain name."),),
    "name_absolute": (_("The name “{name}” begins with a slash. Pack the file with its plain name."),),
    "name_backslash": (_("The name “{name}” holds a backslash. Rename the file and pack it again."),),
    "name_too_long": (_("The name “{name}” is too long. Shorten it and pack the file again."),),
    "name_twice": (_("The archive holds “{other}” more than once. Keep one of them."),),
    "name_collides": (
        _("The names “{name}” and “{other}” differ only in case or in how letters are encoded. Rename one of them."),
    ),
    "entry_is_link": (_("“{name}” is a link and not a file. Pack the picture itself."),),
    "entry_is_device": (_("“{name}” is a device and not a file. Leave it out."),),
    "entry_encrypted": (_("“{name}” is protected by a password. Pack it again without one."),),
    "compression_unsupported": (
        _("“{name}” is packed with {method}, which is not supported. Pack it as an ordinary ZIP file."),
    ),
    "nested_archive": (_("“{name}” is another archive. Unpack it and put the pictures in directly."),),
    "entry_too_big": (_("“{name}” has {size} bytes, but at most {limit} are accepted. Make it smaller."),),
    "ratio_too_high": (
        _("“{name}” unpacks to more than {limit} times its packed size, which no picture does. It was not read."),
    ),
    "folder": (_("“{name}” is a folder. It was passed over; the files in it were read."),),
    "system_file": (_("“{name}” was put there by macOS or Windows and was passed over."),),
    "table_empty": (_("The table is empty. Save it again with a header row and one row for each picture."),),
    "table_too_big": (_("The table has {size} bytes, but at most {limit} are accepted. Split it."),),
    "encoding_unknown": (_("The table is not in UTF-8, UTF-16 or Shift_JIS. Save it again as “CSV UTF-8”."),),
    "nul_bytes": (_("The file is not a text table: it holds NUL bytes. Save it again as “CSV UTF-8”."),),
    "too_many_rows": (_("The table has more than {limit} rows. Split it, or remove blank rows at its end."),),
    "too_many_columns": (
        _("Row {line} has {found} cells, but at most {limit} are accepted. Remove columns that are not needed."),
    ),
    "duplicate_column": (_("The columns “{first}” and “{column}” in row {line} mean the same. Keep one of them."),),
    "file_column_missing": (
        _("No header in row {line} names the picture’s file. Add a column called “file” or “ファイル名”."),
    ),
    "row_unreadable": (
        _(
            "Row {line} cannot be taken apart: a quotation mark is not closed or not doubled, or a cell is "
            "huge. Correct it and save the table again."
        ),
    ),
    "ragged_row": (
        _("Row {line} has {found} cells, but the header has {expected}. Check for a missing or extra separator."),
    ),
    "cell_too_long": (
        _("The cell “{column}” in row {line} has {size} characters, but at most {limit} are accepted. Shorten it."),
    ),
    "file_missing": (_("Row {line} does not say which picture it is about. Fill in “{column}”."),),
    "file_twice": (_("Row {line} is about “{file}”, and so is row {first}. Keep one of them."),),
    "unknown_column": (_("Nobody knows the column “{column}”. It was left out."),),
    "date_empty": (_("There is no date. Write one such as 2026-02-03."),),
    "date_unreadable": (
        _("“{text}” cannot be read as a date. Write it as 2026-02-03, 2026年2月3日 or 令和8年2月3日."),
    ),
    "date_ambiguous": (
        _("“{text}” can be read as more than one date. Write the year with four digits and first, such as 2026-02-03."),
    ),
    "no_such_day": (_("There is no day “{text}” in the calendar. Check month and day."),),
    "date_out_of_range": (
        _("The year of “{text}” is not between {first} and {last}. Leave the cell empty where there is no limit."),
    ),
    "not_in_era": (_("“{text}” does not lie in {era}, which began on {begins}. Write the Western year."),),
    "not_in_ended_era": (
        _("“{text}” does not lie in {era}, which lasted from {begins} to {ends}. Write the Western year."),
    ),
    "license_exact": (_("The licence is an exact identifier."),),
    "license_read": (_("These words were read as {expression}. Confirm it, or choose another licence."),),
    "version_assumed": (
        _("No version is written, so version {version}, the newest, is proposed. Confirm it against the source."),
    ),
    "license_ambiguous": (_("These words can mean several licences. Choose the one that the source states."),),
    "license_more_words": (
        _("The words “{words}” may change the licence, so none is proposed. Read the source and choose."),
    ),
    "license_unknown": (
        _(
            "Nobody knows this licence, so the picture stays blocked. Choose a licence, or add another basis "
            "for its rights."
        ),
    ),
    "license_missing": (
        _("No licence is written, so the picture stays blocked. Choose one."),
        _("No licence is written. Without one, the picture cannot be used."),
    ),
    "url_invalid": (_("This is not an address that can be fetched. Copy the whole address, beginning with https://."),),
    "url_too_long": (_("The address has more than {limit} characters. Download the file and upload it instead."),),
    "scheme_refused": (
        _("Addresses that begin with “{scheme}:” are not fetched. Use an address that begins with https://."),
    ),
    "userinfo_refused": (_("The address holds a user name or password. Take it out, or upload the file instead."),),
    "port_refused": (_("Nothing is fetched from port {port}. Use an address without a port."),),
    "host_refused": (_("The host {host} is written as a number. Use the site's name."),),
    "host_not_found": (_("The host {host} was not found. Check the address."),),
    "address_refused": (
        _("The host {host} is not on the public internet, so nothing was fetched. Upload the file instead."),
    ),
    "connection_failed": (_("No connection to {host} could be made. Try again later."),),
    "tls_failed": (
        _(
            "The connection to {host} is not secure: its certificate does not hold. Tell whoever runs the "
            "site, or upload the file instead."
        ),
    ),
    "too_many_redirects": (_("The address leads on to another one more than {limit} times. Use the final address."),),
    "status_refused": (
        _("{host} did not give the file (status {status}). Check that the address opens without signing in."),
    ),
    "encoding_refused": (
        _(
            "{host} sent the file packed ({encoding}), which was not asked for. Download the file and upload "
            "it instead."
        ),
    ),
    "too_many_bytes": (_("The file is larger than {limit} bytes. Choose a smaller one."),),
    "timed_out": (
        _("The file was not complete after {seconds} seconds. Try again later, or upload the file instead."),
    ),
    "interrupted": (_("{host} stopped before the file was complete. Try again."),),
    "license_unconfirmed": (
        _(
            "“{written}” probably means {proposed}. Confirm it before you import; until then the licence "
            "counts as unknown."
        ),
    ),
    "basis_unreadable": (
        _("“{text}” is no basis that Daicho knows. Write licence, own work, contract, public domain or 30-4."),
    ),
    "territory_unreadable": (
        _("“{text}” is no country or region that Daicho knows. Write codes such as JP, US or WW for the world."),
    ),
    "media_unreadable": (
        _("“{text}” is no medium that Daicho knows. Write web, print, social, video, outdoor, packaging or tv."),
    ),
    "release_unreadable": (_("“{text}” does not say whether {person} has agreed. Write yes, limited or no."),),
    "basis_with_license": (
        _("Article 30-4 is relied on without a licence. Leave the licence empty, or choose another basis."),
    ),
    "purposes_unreadable": (
        _(
            "“{text}” is no purpose that Daicho knows. Write commercial, advertising, editorial, internal, "
            "noncommercial or research."
        ),
    ),
    "quantity_unreadable": (
        _("“{text}” is no quantity for {column}. Write a whole number from 1, such as 10000."),
        _("“{text}” is no quantity. Write a whole number from 1, such as 10000."),
    ),
    "answer_unreadable": (
        _("“{text}” is no answer to {column}. Write one of: {answers}."),
        _("“{text}” is no answer to this. Write one of: {answers}."),
    ),
    "creator_uri_unreadable": (
        _("“{text}” is not an address. Copy the whole address, beginning with https://, or leave the cell empty."),
    ),
    "jurisdiction_unreadable": (_("“{text}” is too long. Write the law in at most 60 characters, such as Japan."),),
    "branch_unreadable": (
        _("“{text}” is not among what the licence offers. Write one of: {offered}."),
        _("“{text}” names no licence that Daicho knows. Write its identifier, such as CC-BY-4.0."),
    ),
    "branch_not_needed": (
        _("The licence offers no choice, so “{text}” cannot be chosen. Leave the cell empty, or correct the licence."),
    ),
    "evidence_missing": (
        _("There is no file “{text}” beside the pictures, so it is kept as a note and not as a document."),
    ),
    "evidence_refused": (_("The document “{text}” is no PDF, no picture (PNG, JPEG, WebP) and no text in UTF-8."),),
    "evidence_too_large": (_("The document “{text}” is larger than 16 MB."),),
    "known_other_license": (
        _(
            "The picture is here already under {kept}, and the table says {declared}. Nothing was changed: correct "
            "it on the picture’s page if the table is right."
        ),
        _(
            "The picture is here already without a licence, and the table says {declared}. Nothing was changed: "
            "correct it on the picture’s page if the table is right."
        ),
    ),
    "same_as_row": (_("The pixels are the same as those of file {row}. The picture is kept once."),),
    "made_by_model": (
        _("A model made this picture: what the model allows to be done with its outputs counts, whatever is declared."),
    ),
    "row_without_picture": (_("Row {line} of the table names a picture that is not among the files."),),
    "kept_in_versions": (_("{count} pictures stay, because a frozen version of a dataset holds them."),),
}
