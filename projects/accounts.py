"""How people come in: members are invited, nobody signs up alone."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):
    """Keep the sign-up page shut."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
