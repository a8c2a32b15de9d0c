"""What is checked beside what schemathesis checks by itself; it loads this file, as its environment says."""

import schemathesis


@schemathesis.check
def json_where_there_is_a_body(ctx, response, case):
    """The file has every operation produce JSON; a reply without a body, such as 204, has no type."""
    kind = response.headers.get("content-type", [""])[0]
    if response.content:
        assert kind.split(";")[0] == "application/json", f"the Content-Type is {kind!r}"
