"""The page of settings says what the settings class says."""

from serving.gateway.settings import Settings
from tfgate.settings_page import GROUPS, PAGE, settings_page


def test_every_setting_is_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]

    assert sorted(grouped) == sorted(Settings.model_fields)


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, each in Settings.model_fields.items() if not each.description] == []


def test_the_page_is_that_of_these_settings() -> None:
    assert PAGE.read_text() == settings_page(), "run make settings"


def test_a_row_has_variable_values_default_bounds_unit_and_description() -> None:
    rows = {line.split("`")[1]: line for line in settings_page().splitlines() if "| `TF" in line}

    assert rows["TFGATE_PORT"] == (
        "| `TFGATE_PORT` | whole number | `8000` | at least 0, at most 65,535 |  "
        "| 0 takes any free port |"
    )
    assert (
        "| number | `5` | more than 0, at most 300 | seconds |"
        in rows["TFGATE_PREDICT_TIMEOUT_SECONDS"]
    )
    assert "| `true`, `false` | `false` |" in rows["TFGATE_ALLOW_ANONYMOUS"]
    assert "| `DEBUG`, `INFO`, `WARNING`, `ERROR` | `INFO` |" in rows["TFGATE_LOG_LEVEL"]
    assert "| file | none |" in rows["TFGATE_MODEL_SERVER_CA_FILE"]
    assert "| list with commas | none |" in rows["TFGATE_CORS_ORIGINS"]
