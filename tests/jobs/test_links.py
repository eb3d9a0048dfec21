"""Links of a job: paths of the API, and the product's own page from the type's template."""

import pytest
from tests.jobs.samples import JOB_ID, OTHER_ID, queued

from wayside_jobs.domain.errors import InvalidJob
from wayside_jobs.domain.links import check_template, job_links, resource_link

REPORT = {"type": "report", "id": "a b/ü?#"}


def test_a_job_links_to_what_belongs_to_it() -> None:
    job = queued(parent_id=OTHER_ID)._replace(root_id=OTHER_ID, child_count=2)
    assert job_links(job, retried_by="x", resource="/reports/7") == {
        "self": f"/v1/jobs/{JOB_ID}",
        "events": f"/v1/jobs/{JOB_ID}/events",
        "logs": f"/v1/jobs/{JOB_ID}/logs",
        "children": f"/v1/jobs/{JOB_ID}/children",
        "parent": f"/v1/jobs/{OTHER_ID}",
        "root": f"/v1/jobs/{OTHER_ID}",
        "retried_by": "/v1/jobs/x",
        "resource": "/reports/7",
    }


def test_a_job_alone_links_to_itself_only() -> None:
    assert set(job_links(queued())) == {"self", "events", "logs"}


def test_values_are_quoted_so_that_they_cannot_change_the_path() -> None:
    job = queued(related=REPORT)
    assert resource_link("/{related.type}s/{related.id}", job) == "/reports/a%20b%2F%C3%BC%3F%23"


@pytest.mark.parametrize("value", ["..", "."])
def test_a_value_that_leads_elsewhere_gives_no_link(value: str) -> None:
    assert resource_link("/reports/{related.id}", queued(related={"type": "report", "id": value})) is None


def test_a_value_that_is_missing_gives_no_link() -> None:
    assert resource_link("/sessions/{session_id}", queued()) is None
    assert resource_link(None, queued()) is None


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("/reports/{input.x}", "unknown_placeholder"),
        ("/reports/{}", "unknown_placeholder"),
        ("/reports/{related.id!r}", "unknown_placeholder"),
        ("/reports/{related.id", "invalid_template"),
        ("/reports/}{", "invalid_template"),
        ("javascript:alert({id})", "invalid_template"),
        ("//evil.example/{id}", "invalid_template"),
        ("{related.id}", "invalid_template"),
        ("https://{related.id}/", "invalid_template"),
        ("/a b", "invalid_template"),
    ],
)
def test_a_template_of_which_no_link_can_be_made_is_refused_with_its_field(template: str, code: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        check_template(template, "/resource_link")
    assert [(error.field, error.code) for error in refused.value.errors] == [("/resource_link", code)]


@pytest.mark.parametrize("template", ["/reports/{related.id}", "https://example.org/{scope}/{id}?x=1"])
def test_a_path_or_an_address_of_the_web_is_a_template(template: str) -> None:
    check_template(template, "/resource_link")
