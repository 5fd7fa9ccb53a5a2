-- One row for each finished call. What is filtered, sorted or counted by is a column; the whole record is in `record`.
create table calls (
  pbx            text        not null,
  id             text        not null,
  start          timestamptz not null,
  direction      text        not null,
  outcome        text        not null,
  technical      text,
  from_number    text        not null,
  from_employee  text,
  line           text,
  to_number      text        not null,
  duration       integer     not null,
  wait           integer     not null,
  talk           integer     not null,
  queued         boolean     not null,
  stage          text        not null,
  code           integer     not null,
  record         jsonb       not null,
  primary key (pbx, id)
);

create index calls_by_start on calls (pbx, start desc, id desc);
create index calls_by_caller on calls (pbx, from_number, start desc);
create index calls_by_callee on calls (pbx, to_number, start desc);

-- Who was asked to take it: one row for each attempt.
create table call_participants (
  pbx       text    not null,
  call_id   text    not null,
  position  integer not null,
  kind      text    not null,
  ref       text    not null,
  address   text    not null,
  via_group text,
  outcome   text    not null,
  ring      integer not null,
  talk      integer not null,
  primary key (pbx, call_id, position),
  foreign key (pbx, call_id) references calls (pbx, id) on delete cascade
);

create index call_participants_by_ref on call_participants (pbx, ref, call_id);
