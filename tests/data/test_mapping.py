"""What a mapping file can say of files as people have them."""

from __future__ import annotations

import pytest

from custvalue.data.mapping import TableMap, read_mapping
from custvalue.errors import SourceError


def test_header_row_is_another_way_to_say_skip():
    assert TableMap(header_row=4).skip == 3
    assert TableMap(header_row=1, skip=0).skip == 0


@pytest.mark.parametrize("entries", ["header_row = 4\nskip = 1", "header_row = 2\nheader = false", "header_row = 0"])
def test_header_row_that_contradicts_the_rest_is_refused(tmp_path, entries):
    file = tmp_path / "map.toml"
    file.write_text(f"[tables.orders]\n{entries}\n")
    with pytest.raises(SourceError, match=r"map\.toml: entry tables\.orders.*header_row|header_row"):
        read_mapping(file)


@pytest.mark.parametrize("form", ["%e.%m.%Y", "%s", "%Q"])
def test_a_format_that_the_engine_lacks_is_told_by_its_entry(tmp_path, form):
    file = tmp_path / "map.toml"
    file.write_text(f'[tables.orders]\ndate_format = "{form}"\n')
    with pytest.raises(SourceError, match=r"map\.toml: entry tables\.orders\.date_format: .* is no format of dates"):
        read_mapping(file)
