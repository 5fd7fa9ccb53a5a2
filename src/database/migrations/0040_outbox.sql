-- Letters and text messages on their way (src/messages): one row each, until a month after its end.
create table outbox (
  pbx text not null,
  id text not null,
  way text not null check (way in ('mail', 'sms')),
  -- Node whose disk has the attachments; null: any node may send it.
  home text,
  -- waiting: for the next attempt. accepted: taken, and those who want to know are to be told. The others are ends.
  state text not null check (state in ('waiting', 'accepted', 'sent', 'failed', 'withheld')),
  -- What is to be sent; null when it has arrived.
  content jsonb,
  -- [{to, state: waiting | sent | refused, why}]
  recipients jsonb not null,
  -- Names of attachments that did not go with it.
  omitted jsonb not null default '[]',
  attempts int not null default 0,
  -- Of who is at it now; due_at is then when he counts as dead.
  lease text,
  -- Of the last attempt that came to nothing.
  why text,
  -- The number of the client whose missed call it answers.
  answers text,
  created_at timestamptz not null,
  due_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  primary key (pbx, id)
);

create index outbox_open on outbox (due_at) where state in ('waiting', 'accepted');
create index outbox_answers on outbox (pbx, created_at) where answers is not null;
create index outbox_ended on outbox (ended_at) where ended_at is not null;
