"""Where CleverTap's rule is not known for sure, its answer decides, and is reported."""

from datetime import UTC, datetime

from clevertap_import_tests.testing.workshop import Workshop, profiles_target

NOW = datetime.now(UTC)


def test_clevertap_decides_which_words_for_a_gender_it_takes(workshop: Workshop) -> None:
    people = [("a", "F", NOW), ("b", "female", NOW), ("c", "x", NOW)]
    for nickname, taken, refused in (("strict", ("M", "F"), 1), ("lenient", ("M", "F", "female"), 0)):
        workshop.clevertap.reset()
        workshop.clevertap.knobs(accepted_genders=taken)
        workshop.write(nickname, target=profiles_target(Gender="NAME"), dry_run={"max_rejected_percent": 100})
        workshop.people(people)
        (line,) = workshop.run(nickname)
        assert (line["invalid"], line["rejected"], line["successful_syncs"]) == (1, refused, 2 - refused)
        found = workshop.observed(nickname)["errors_by_code"]
        assert sorted(row["code"] for row in found) == ["514"] * (1 + refused)


def test_texts_without_number_are_reported_in_tables_of_bounded_length(workshop: Workshop) -> None:
    workshop.clevertap.faults([{"kind": "reject", "code": 512, "error": "Wrong", "numbered": True}])
    workshop.write("texts", dry_run={"max_rejected_percent": 100})
    workshop.people([(f"p{number}", "n", NOW) for number in range(300)])
    (line,) = workshop.run("texts")
    assert (line["rejected"], line["successful_syncs"]) == (300, 0)
    found = workshop.observed("texts")["errors_by_code"]
    assert (len(found), sum(row["rows"] for row in found)) == (101, 300)
    assert {"code": "512", "reason": "other reasons", "rows": 200} in found
