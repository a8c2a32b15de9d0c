-- What happened as data: which change, and what of (`data`, for its form see lib/src/event/change/stored.rs), and which
-- domain it concerns, by the id that a domain keeps for life. Rows from before have their words alone.

ALTER TABLE event ADD COLUMN domain_id INTEGER;
ALTER TABLE event ADD COLUMN data TEXT;

-- What an account did to a domain since it holds the name was done to that domain.
UPDATE event SET domain_id = (
    SELECT domain.id FROM domain
    WHERE domain.name = event.subject AND domain.account_id = event.account_id AND event.at >= domain.claimed_at
)
WHERE substr(action, 1, instr(action, '.')) IN
    ('domain.', 'dkim_key.', 'rotation.', 'record.', 'token.', 'login_link.', 'route.', 'list_entry.');

CREATE INDEX event_by_domain ON event (domain_id, account_id, id) WHERE domain_id IS NOT NULL;
CREATE INDEX event_by_subject ON event (subject, id);
CREATE INDEX event_by_action ON event (action, id);
