-- Messages that callers have left (§4.6.5.1). Their audio is a file of the node that took them.
create table voicemails (
  pbx         text        not null,
  id          text        not null,
  call_id     text        not null,
  -- Whose mailbox; null: the PBX's.
  employee    text,
  left_at     timestamptz not null,
  from_number text        not null,
  from_name   text,
  line        text,
  ms          integer     not null,
  ended       text        not null,
  delivery    text        not null,
  recipients  jsonb       not null,
  -- When it was heard; null: it is new.
  read_at     timestamptz,
  -- When its letter had gone; null: it waits, or there is none.
  mailed_at   timestamptz,
  -- It is gone for everybody, and its node has yet to remove the file.
  deleted_at  timestamptz,
  node        text        not null,
  primary key (pbx, id)
);

create index voicemails_by_time on voicemails (pbx, left_at desc, id desc) where deleted_at is null;
create index voicemails_by_mailbox on voicemails (pbx, employee, left_at desc, id desc) where deleted_at is null;
create index voicemails_deleted on voicemails (node) where deleted_at is not null;
