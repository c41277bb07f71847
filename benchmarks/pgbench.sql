-- The upper limit: the append statement of an accepted command, with the same columns, indexes, triggers, checks and
-- receipt, for streams of three events. It leaves out everything but the append: the read before it, the decision, hashing
-- and JSON. The server makes the ids.
\set ticket :ticket + 1
\set stream :run * 1000000000 + :client_id * 10000000 + :ticket
SELECT append_event(
    uuidv7(), 'TicketOpened', 1,
    '{"ticket_id":"0190b0c0-0000-7000-8000-000000000000","subject":"The parcel did not arrive at the address it was sent to","deposit":{"amount":"12.50","currency":"GBP"}}',
    sha256('x'), lpad(to_hex(:stream::bigint), 32, '0')::uuid, 'Ticket', 1, now(), now(), uuidv7(), NULL, NULL, 1,
    uuidv7(), 'system', '{}', 'OpenTicket', sha256('y'), NULL
);
SELECT append_event(
    uuidv7(), 'TicketAnswered', 1,
    '{"ticket_id":"0190b0c0-0000-7000-8000-000000000000","text":"We have asked the carrier and will tell you as soon as they answer"}',
    sha256('x'), lpad(to_hex(:stream::bigint), 32, '0')::uuid, 'Ticket', 2, now(), now(), uuidv7(), NULL, NULL, 1,
    uuidv7(), 'system', '{}', 'AnswerTicket', sha256('y'), sha256('x')
);
SELECT append_event(
    uuidv7(), 'TicketClosed', 1,
    '{"ticket_id":"0190b0c0-0000-7000-8000-000000000000","reason":"solved"}',
    sha256('x'), lpad(to_hex(:stream::bigint), 32, '0')::uuid, 'Ticket', 3, now(), now(), uuidv7(), NULL, NULL, 1,
    uuidv7(), 'system', '{}', 'CloseTicket', sha256('y'), sha256('x')
);
