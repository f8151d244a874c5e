"""The portal's icons: 24 × 24 outlines drawn with one stroke width, by name."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

SVG = SafeString('<svg class="icon" width="18" height="18" viewBox="0 0 24 24" {}>{}</svg>')
ICONS = {
    "studio": (
        '<path d="M10.5 4l1.8 5.2 5.2 1.8-5.2 1.8-1.8 5.2-1.8-5.2L3.5 11l5.2-1.8z"/><path d="M18.5 15.5v5M16 18h5"/>'
    ),
    "pictures": (
        '<rect x="3" y="4" width="18" height="16" rx="2"/><circle cx="9" cy="10" r="1.8"/>'
        '<path d="M4 18l5-4 3 2 4-4 4.5 4"/>'
    ),
    "templates": '<rect x="4" y="3" width="16" height="18" rx="2"/><path d="M8 8h8M8 12h8M8 16h4"/>',
    "vocabulary": '<path d="M4 5h9M8.5 3v2M11 5c-1 4-3.5 6.5-7 8M6 8c1 2.5 3 4 6 5M12 21l4.5-10L21 21M13.5 18h6"/>',
    "library": '<path d="M12 3l8 4.5v9L12 21l-8-4.5v-9z"/><path d="M4 7.5l8 4.5 8-4.5M12 12v9"/>',
    "datasets": (
        '<rect x="7" y="3" width="14" height="12" rx="2"/><path d="M3 8v11a2 2 0 0 0 2 2h12"/>'
        '<circle cx="12" cy="7.5" r="1.3"/><path d="M8 14l4-3.5 3 2.5 2-2 3.5 3"/>'
    ),
    "training": '<path d="M4 4v16h16"/><path d="M7 7c1.5 6.5 4.5 9 12 9"/><circle cx="11" cy="13.2" r="1.6"/>',
    "review": '<path d="M5 4h11l3 3v13H5z"/><path d="M8.5 12.5l2.5 2.5 4.5-5"/>',
    "ledger": (
        '<path d="M6 3h12a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H6z"/><path d="M6 3v18M10 8h5M10 12h5"/>'
        '<path d="M10 16.5l1.5 1.5 3-3"/>'
    ),
    "members": (
        '<circle cx="9" cy="8" r="3.2"/>'
        '<path d="M3 20c.5-4 3-6 6-6s5.5 2 6 6M16 5.2a3 3 0 0 1 0 5.6M17.5 14.5c2 .8 3.2 2.7 3.5 5.5"/>'
    ),
    "settings": '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "home": '<path d="M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z"/>',
    "more": '<circle cx="5" cy="12" r="1.2"/><circle cx="12" cy="12" r="1.2"/><circle cx="19" cy="12" r="1.2"/>',
    "down": '<path d="M6 9l6 6 6-6"/>',
    "left": '<path d="M15 6l-6 6 6 6"/>',
    "right": '<path d="M9 6l6 6-6 6"/>',
    "close": '<path d="M6 6l12 12M18 6L6 18"/>',
    "check": '<path d="M5 13l4 4L19 7"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "copy": '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15H4V5a1 1 0 0 1 1-1h10v1"/>',
    "download": '<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>',
    "upload": '<path d="M12 20V9M7 13l5-5 5 5M5 4h14"/>',
    "search": '<circle cx="11" cy="11" r="6"/><path d="M20 20l-4.5-4.5"/>',
    "dice": (
        '<rect x="4" y="4" width="16" height="16" rx="3"/><circle cx="9" cy="9" r=".8"/>'
        '<circle cx="15" cy="15" r=".8"/><circle cx="15" cy="9" r=".8"/><circle cx="9" cy="15" r=".8"/>'
    ),
    "replay": '<path d="M4 12a8 8 0 1 1 2.5 5.8"/><path d="M4 20v-5h5"/>',
    "star": '<path d="M12 4l2.4 5 5.6.7-4.1 3.8 1.1 5.5L12 16.3 7 19l1.1-5.5L4 9.7 9.6 9z"/>',
    "shield": '<path d="M12 3l8 3v6c0 4.5-3.4 8-8 9-4.6-1-8-4.5-8-9V6z"/><path d="M9 12l2 2 4-4"/>',
    "clock": '<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>',
    "link": (
        '<path d="M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.6-5.6L12 7.3M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.6 5.6L12'
        ' 16.7"/>'
    ),
    "person": '<circle cx="12" cy="8" r="3.5"/><path d="M5 20c.6-4.2 3.4-6.3 7-6.3s6.4 2.1 7 6.3"/>',
    "key": '<circle cx="8" cy="15" r="4"/><path d="M11 12l8-8M16 7l3 3"/>',
    "theme": '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>',
    "logout": '<path d="M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M11 12h9M17 8.5l3.5 3.5-3.5 3.5"/>',
    "alert": '<path d="M12 4l9 16H3z"/><path d="M12 10v4.5M12 17.3v.1"/>',
    "trash": '<path d="M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13"/>',
    "edit": '<path d="M4 20l4-1L19.5 7.5a2.1 2.1 0 0 0-3-3L5 16z"/>',
    "grid": '<rect x="4" y="4" width="16" height="16" rx="1.5"/><path d="M9.33 4v16M14.67 4v16M4 9.33h16M4 14.67h16"/>',
    "swap": '<path d="M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4"/>',
    "compare": '<rect x="3" y="5" width="8" height="14" rx="1"/><rect x="13" y="5" width="8" height="14" rx="1"/>',
}
DECORATIONS = {name: SafeString(SVG.format('aria-hidden="true"', shape)) for name, shape in ICONS.items()}


def draw_icon(name: str, label: str = "") -> SafeString:
    """Return an icon. Without a label it is decoration and hidden from screen readers. Raises KeyError."""
    if not label:
        return DECORATIONS[name]
    return format_html(SVG, format_html('role="img" aria-label="{}"', label), SafeString(ICONS[name]))
