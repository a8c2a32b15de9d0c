-- Which value of a setting the statuses of domains follow from, and how far that is done: after the operator has changed the
-- setting, they are brought up to date some at a time.

CREATE TABLE applied_setting (
    name     TEXT    PRIMARY KEY,
    value    TEXT    NOT NULL,
    -- The domains up to this id follow from the value; all of them, where it is null.
    up_to_id INTEGER
) STRICT;
