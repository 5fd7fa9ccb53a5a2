-- One row for each recorded end of a conversation that is kept. The file is on the disk of `node`.
create table recordings (
  pbx         text        not null,
  id          text        not null,
  call        text        not null,
  start       timestamptz not null,
  ms          bigint      not null,
  direction   text        not null,
  from_number text        not null,
  to_number   text        not null,
  line        text,
  employee    text,
  via_group   text,
  -- Whom he talked to: an employee's id, a number, an address.
  other       text        not null,
  manual      boolean     not null,
  stereo      boolean     not null,
  format      text        not null,
  bytes       bigint      not null,
  -- 'favourite', 'good', 'bad': what is marked is not removed by itself.
  mark        text,
  -- Why it ends too early.
  error       text,
  node        text        not null,
  primary key (pbx, id)
);

create index recordings_by_start on recordings (pbx, start desc, id desc);
create index recordings_by_call on recordings (pbx, call);
