-- event-read — what follows a cursor on a PBX's log; '': from the beginning of a log that was empty.
-- KEYS     events
-- ARGV     cursor limit
-- RETURNS  {'events', {cursor, type, data, …}} | {'gone', cursor of the newest event}
-- INCLUDE  events
local events = KEYS[1]
local cursor, limit = ARGV[1], ARGV[2]

local newest = newest_of(events)
if not newest then
  if cursor == '' then return { 'events', {} } end
  return { 'gone', '' }
end
local epoch = parts_of(newest[1])
local from
if cursor == '' then
  local first_epoch, first_number = parts_of(redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1][1])
  if first_epoch == epoch and first_number == 1 then from = '-' end
elseif place_of(events, cursor) == 'there' then
  local id = cursor:match('^%d+%-%d+')
  if parts_of(id) == epoch then from = '(' .. id end
end
if not from then return { 'gone', cursor_of(newest) } end

local found = {}
for _, entry in ipairs(redis.call('XRANGE', events, from, '+', 'COUNT', limit)) do
  table.insert(found, cursor_of(entry))
  table.insert(found, entry[2][4])
  table.insert(found, entry[2][6])
end
return { 'events', found }
