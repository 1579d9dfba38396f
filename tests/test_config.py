"""Settings: validated, frozen, and a file that does not fit says where."""

from __future__ import annotations

import pydantic
import pytest

from custvalue.config import Settings, load_settings
from custvalue.errors import SourceError


def test_defaults_without_a_file():
    assert load_settings() == Settings()
    assert load_settings().annual_discount_rate == 0.10


def test_the_sample_has_settings_of_its_own(root):
    settings = load_settings(root / "sample_data" / "custvalue.toml")
    assert settings.company.startswith("Sample shop")
    assert settings.service.staff_hours == 150.0


def test_settings_are_frozen():
    with pytest.raises(pydantic.ValidationError):
        Settings().horizon_days = 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("horizon_days = 0", "setting horizon_days"),
        ("annual_discount_rate = 10", "setting annual_discount_rate"),
        ("[decision]\nlevel = 95", r"setting decision\.level"),
        ("[service]\nbudget = -1", r"setting service\.budget"),
        ("horizn = 3", r"(?s)no setting horizn\..*Known here: .*horizon_days"),
        ("[decision]\nloss_capp = 1", r"(?s)no setting decision\.loss_capp\..*Known here: .*loss_cap,"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(tmp_path, text, message):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SourceError, match=message):
        load_settings(tmp_path / "c.toml")


def test_missing_file(tmp_path):
    with pytest.raises(SourceError, match="no settings file nothing"):
        load_settings(tmp_path / "nothing.toml")
