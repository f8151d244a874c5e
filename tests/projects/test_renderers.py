"""Controls drawn in Python are, to a browser, those that Django's templates draw."""

from html.parser import HTMLParser

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe

from projects.renderers import DRAWERS, QuickRenderer

NASTY = "\"><script>alert('x')</script>&amp; 台帳"
GROUPS = [("", "—"), ("a", NASTY), (NASTY, "b"), ("Group <1>", [("c", "C"), (3, "three")]), (None, "none")]
WIDGETS = {
    "text": (forms.TextInput(attrs={"data-x": NASTY, "required": True, "disabled": False}), [NASTY, "", None, 0]),
    "number": (forms.NumberInput(attrs={"step": "any", "min": 0}), [1.5, "12", None]),
    "email": (forms.EmailInput(), ["a@b.example", None]),
    "url": (forms.URLInput(), ["https://x.example/?a=1&b=2"]),
    "password": (forms.PasswordInput(), ["secret"]),
    "hidden": (forms.HiddenInput(), [NASTY, ""]),
    "search": (forms.TextInput(attrs={"title": mark_safe("a &amp; b")}), ["x"]),
    "checkbox": (forms.CheckboxInput(), [True, False, "on", None]),
    "date": (forms.DateInput(), ["2026-12-31", None]),
    "textarea": (forms.Textarea(attrs={"rows": 2}), ["\n\nfirst lines", NASTY, "", None]),
    "select": (forms.Select(choices=GROUPS), ["a", "3", NASTY, None, "nowhere"]),
}
CHOOSERS = {"radio_option": forms.RadioSelect, "checkbox_option": forms.CheckboxSelectMultiple}


class Reader(HTMLParser):
    """Collect tags and text; white space between tags means nothing, that within a textarea does."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.is_text = False

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, sorted(attrs, key=str)))
        self.is_text = tag == "textarea"

    def handle_endtag(self, tag):
        self.seen.append(f"/{tag}")
        self.is_text = False

    def handle_data(self, data):
        if self.is_text or data.strip():
            self.seen.append(data if self.is_text else data.strip())


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader.seen


@pytest.mark.parametrize("name", WIDGETS)
def test_every_control_is_what_django_draws(name):
    widget, values = WIDGETS[name]
    for value in values:
        ours = widget.render("field", value, {"id": "id_field"}, QuickRenderer())
        theirs = widget.render("field", value, {"id": "id_field"}, DjangoTemplates())
        assert read(ours) == read(theirs), value


@pytest.mark.parametrize("name", CHOOSERS)
@pytest.mark.parametrize("wrap_label", [True, False])
def test_every_choice_is_what_django_draws(name, wrap_label):
    def drawn(renderer):
        class Form(forms.Form):
            field = forms.ChoiceField(choices=[("a", NASTY), (NASTY, "b")], widget=CHOOSERS[name])

        bound = Form({"field": "a"}, renderer=renderer)["field"]
        return [read(each.tag(wrap_label=wrap_label)) for each in bound]

    assert drawn(QuickRenderer()) == drawn(DjangoTemplates())


def test_the_controls_of_the_test_are_the_ones_that_are_drawn_here():
    drawn = {name.rsplit("/", 1)[1].removesuffix(".html") for name in DRAWERS}
    assert drawn - {"input"} == set(WIDGETS) | set(CHOOSERS)


def test_forms_use_it_and_what_it_does_not_know_is_still_drawn():
    class Form(forms.Form):
        one = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)
        two = forms.CharField()

    form = Form()
    assert isinstance(form.renderer, QuickRenderer)
    assert 'type="radio"' in str(form["one"])
    assert str(form["two"]) == '<input type="text" name="two" required id="id_two">'
