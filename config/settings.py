"""All settings, read from the environment (and from `.env`), with defaults that work after a checkout.

`.env.example` names every variable; a test keeps the two together.
"""

import contextlib
import os
import secrets
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
DAICHO_VERSION = "0.1.0"
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def setting(name: str, default: str) -> str:
    """Return a variable's text; an empty value means the default, as `.env.example` promises."""
    return env.str(name, default="") or default


# Where everything lives that is not code.
DATA_DIR = Path(setting("DATA_DIR", str(BASE_DIR / "var"))).resolve()
MEDIA_ROOT = Path(setting("MEDIA_ROOT", str(DATA_DIR / "media")))
MODELS_ROOT = Path(setting("MODELS_ROOT", str(DATA_DIR / "models")))
TOKENIZERS_ROOT = Path(setting("TOKENIZERS_ROOT", str(DATA_DIR / "tokenizers")))
TRAINING_ROOT = Path(setting("TRAINING_ROOT", str(DATA_DIR / "training")))
DATA_DIR.mkdir(parents=True, exist_ok=True)


def secret_from_file(name: str) -> str:
    """Return the secret kept in DATA_DIR under this name, making it on first use (mode 0600)."""
    path = DATA_DIR / name
    if not path.exists():
        # Linked when whole: another process that starts now must never read an empty secret.
        whole = DATA_DIR / f".{name}.{os.getpid()}"
        with open(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(whole, path)
        whole.unlink()
    return path.read_text().strip()


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = setting("SECRET_KEY", "") or secret_from_file("secret_key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_filters",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "jobs",  # before django_q: its qcluster takes --name where processes fork
    "django_q",
    "projects",
    "ledger",
    "assets",
    "training",
    "generation",
    *env.list("EXTRA_APPS", default=[]),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "projects.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "projects.middleware.ProblemMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "projects.context.portal",
            ],
        },
    }
]
FORM_RENDERER = "projects.renderers.QuickRenderer"

# Data. SQLite unless DATABASE_URL names a PostgreSQL server.
DATABASES = {"default": env.db_url_config(setting("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}"))}
# Tests use a file too, because worker processes and browser threads share it; each run has its own.
DATABASES["default"].setdefault("TEST", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"]["NAME"] = str(DATA_DIR / f"test-{os.getpid()}.sqlite3")
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# People.
AUTH_USER_MODEL = "projects.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "projects.accounts.ClosedSignup"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
MFA_TOTP_ISSUER = "Daicho"
MFA_ALLOW_UNVERIFIED_EMAIL = True
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)

# Words and time.
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "frameworks"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Tokyo")
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"

# Files.
STATIC_URL = "/static/"
STATIC_ROOT = Path(setting("STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_MANIFEST_STRICT = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=32 * 1024 * 1024)
UPLOAD_MAX_PIXELS = env.int("UPLOAD_MAX_PIXELS", default=64_000_000)
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=4 * 1024**3)
MODEL_MAX_BYTES = env.int("MODEL_MAX_BYTES", default=16 * 1024**3)
DATA_UPLOAD_MAX_NUMBER_FILES = 2000

# Security.
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# Whoever asks is counted by the address that our own proxy saw; without one, nothing that a client writes is believed.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "projects.views.problems.csrf_failed"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# Work. The row is the truth, the queue is only a bell: see jobs/queue.py.
# How many GPUs one training may take; each has a process of its own.
TRAINING_PROCESSES = env.int("TRAINING_PROCESSES", default=1)
JOB_STALE_SECONDS = env.float("JOB_STALE_SECONDS", default=20.0)
JOB_REAP_SECONDS = env.float("JOB_REAP_SECONDS", default=5.0)
JOB_BELL_SECONDS = env.float("JOB_BELL_SECONDS", default=30.0)
REDIS_URL = env.str("REDIS_URL", default="")
_DAY = 86_400
Q_CLUSTER = {
    "name": "light",
    "workers": env.int("LIGHT_WORKERS", default=1),
    # An import of thousands of pictures takes its time; whether a worker is alive is seen by its heartbeat.
    "timeout": 21_600,
    # Messages are locked when they are fetched, so a full prefetch must fit into `retry`.
    "retry": 90_000,
    "scheduler": False,
    "recycle": 500,
    "guard_cycle": 0.5,
    "max_attempts": 1,
    "ack_failures": True,
    "queue_limit": 4,
    "bulk": 1,
    "poll": 0.2,
    "save_limit": -1,
    "catch_up": False,
    "label": "Daicho",
    "ALT_CLUSTERS": {
        "gpu": {
            "workers": 1,
            "timeout": 7 * _DAY,
            "retry": 8 * _DAY,
            "max_attempts": 1,
            "ack_failures": True,
            "queue_limit": 1,
            "bulk": 1,
            "poll": 0.1,
            "recycle": 100_000,
            # A daemon has no children.
            "daemonize_workers": TRAINING_PROCESSES == 1,
        }
    },
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# The engine, read by workers only.
ENGINE_DEVICE = env.str("ENGINE_DEVICE", default="")
ENGINE_MEMORY_BYTES = env.int("ENGINE_MEMORY_BYTES", default=8 * 1024**3)
ENGINE_THREADS = env.int("ENGINE_THREADS", default=0)
TRAINING_CACHE_BYTES = env.int("TRAINING_CACHE_BYTES", default=20 * 1024**3)
TRANSLATION_MODEL = env.str("TRANSLATION_MODEL", default="")
TAGGER_MODEL = env.str("TAGGER_MODEL", default="")

# The ledger.
LEDGER_SALT = setting("LEDGER_SALT", "") or secret_from_file("ledger_salt")
LEDGER_SIGNING_KEY = env.str("LEDGER_SIGNING_KEY", default="")
LEDGER_KEY_FILE = Path(setting("LEDGER_KEY_FILE", str(DATA_DIR / "ledger_ed25519")))

# The API.
API_MAX_BYTES = 1024 * 1024
API_TOKEN_DAYS = env.int("API_TOKEN_DAYS", default=90)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "projects.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["projects.tokens.IsSignedInWithScope"],
    "DEFAULT_PAGINATION_CLASS": "projects.protocol.CursorPage",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["projects.protocol.BoundedJSONParser", "projects.protocol.BoundedMultiPartParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("API_THROTTLE_ANON", default="30/min"),
        "user": env.str("API_THROTTLE_USER", default="1200/min"),
    },
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
    "EXCEPTION_HANDLER": "projects.protocol.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Daicho",
    "DESCRIPTION": "Prompts, licensed assets and generated pictures of a team.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ActionEnum": "assets.serializers.ACTIONS",
        "ArchitectureEnum": "assets.models.ModelFile.Architecture",
        "ExportLayoutEnum": "training.models.AdapterExport.Layout",
        "GateEnum": "assets.serializers_rights.GATES",
        "GridAxisEnum": "generation.grids.KINDS",
        "ImportKindEnum": "assets.models.ImportJob.Kind",
        "ModelKindEnum": "assets.models.ModelFile.Kind",
        "ModelMethodEnum": "assets.models.ModelFile.Method",
        "LayoutEnum": [("diffusers", "diffusers"), ("single", "safetensors")],
        "ProjectPurposeEnum": "projects.models.Project.Purpose",
        "PurposeEnum": "assets.serializers.PURPOSES",
        "ReplayVerdictEnum": "generation.models.Replay.Verdict",
        "ReworkKindEnum": "training.models.AdapterJob.Kind",
        "RightsStateEnum": "assets.models.Rights.State",
        "RoleEnum": "projects.models.Role",
        "SourceRoleEnum": "assets.models.ModelSource.Role",
        "StatusEnum": "jobs.models.Status",
        "ThingKindEnum": "assets.serializers_rights.KINDS",
        "TrainingMethodEnum": "training.models.Method",
        "VerdictEnum": "assets.serializers.VERDICTS",
        "WaiverStateEnum": "assets.serializers_rights.WAIVER_STATES",
    },
}
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django.request": {"level": "ERROR"}},
}
