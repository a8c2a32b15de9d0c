-- New domains are counted by whoever makes them, once for as many as are made together. What moves or goes is still counted by triggers.

DROP TRIGGER domain_total_more ON domain;
DROP FUNCTION domain_total_more();
DROP TRIGGER status_total_more ON domain;
DROP FUNCTION status_total_more();
