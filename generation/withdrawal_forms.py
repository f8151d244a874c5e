"""The form of a withdrawal."""

from django import forms
from django.utils.translation import gettext_lazy as _


class WithdrawForm(forms.Form):
    """Why something is withdrawn, and that its consequences were seen."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands in the ledger and in the report, and everybody below reads it."),
    )
    confirm = forms.BooleanField(label=_("I have seen what this closes. It cannot be taken back."))
