-- The limit: the statement that an accepted command sends, with the same columns, indexes, triggers and receipt.
-- The read before it is left out, and every event is the first of its stream.
SELECT append_event(
    gen_random_uuid(), 'TicketAnswered', 1,
    '{"ticket_id":"0190b0c0-0000-7000-8000-000000000000","text":"We have asked the carrier and will tell you as soon as they answer"}',
    sha256('x'), gen_random_uuid(), 'Ticket', 1, now(), now(), gen_random_uuid(), NULL, NULL, 1, gen_random_uuid(),
    'benchmark', '{}', 'AnswerTicket', sha256('y'), NULL
);
