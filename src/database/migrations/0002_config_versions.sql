-- Each version of a PBX's configuration that calls may have used, so that they can be run again on it.
create table config_versions (
  pbx        text        not null,
  version    text        not null,
  first_seen timestamptz not null,
  -- When it was in force on some node, to about a day.
  last_seen  timestamptz not null,
  -- The document without its secrets: JSON, gzip, base64.
  document   text        not null,
  primary key (pbx, version)
);

-- A version goes with the last call that used it.
create index calls_by_version on calls (pbx, (record->>'configVersion'));
