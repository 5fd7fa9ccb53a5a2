-- Faxes that were received, and those that are or were to be sent. The pages are files of the node that has them.
create table faxes (
  pbx       text        not null,
  id        text        not null,
  direction text        not null,
  state     text        not null,
  at        timestamptz not null,
  node      text        not null,
  -- When it is to be tried again, of those that wait to be sent.
  next_at   timestamptz,
  record    jsonb       not null,
  primary key (pbx, id)
);

create index faxes_by_time on faxes (pbx, at desc, id desc);
create index faxes_to_send on faxes (node, next_at) where state in ('waiting', 'sending');
