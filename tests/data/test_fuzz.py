"""A thousand files, whole and damaged: nothing is misread, nothing is lost, nothing ends in a foreign error or hangs."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.fuzz import Reader, damaged, rows_of, written

EACH = 250


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    made = Reader(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


@pytest.mark.parametrize("first", [0, 1])
def test_a_whole_file_is_read_as_its_oracle_wrote_it(reader, first):
    assert [said for seed in range(first * EACH, (first + 1) * EACH) if (said := reader.whole(seed))] == []


def test_a_damaged_file_ends_in_a_message_or_in_rows_that_add_up(reader):
    assert [said for seed in range(EACH) if (said := reader.damaged(seed))] == []


def test_a_damaged_mapping_ends_in_a_message_or_in_rows_that_add_up(reader):
    assert [said for seed in range(EACH) if (said := reader.mapped(seed))] == []


@pytest.mark.parametrize(
    "change", [lambda rows: [(*rows[0][:2], rows[0][2] + 1), *rows[1:]], lambda rows: [*rows, rows[0]]]
)
def test_the_oracle_notices_a_changed_amount_and_a_lost_row(reader, monkeypatch, change):
    def others(_rng):
        return change(rows_of(random.Random(0)))

    def as_meant(rng, _rows, folder):
        return written(rng, rows_of(random.Random(0)), folder)

    monkeypatch.setattr("tests.benchmarks.fuzz.rows_of", others)
    monkeypatch.setattr("tests.benchmarks.fuzz.written", as_meant)
    assert "was read as" in reader.whole(4)


def test_damage_is_damage():
    rng = random.Random(1)
    assert (
        sum(damaged(rng, b"customer_id,ordered_at,amount\n") != b"customer_id,ordered_at,amount\n" for _ in range(50))
        > 40
    )
