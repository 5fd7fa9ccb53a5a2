-- callback-list — all tasks with the moment they are due, the first first.
-- KEYS     tasks due events
-- ARGV     now limit
-- RETURNS  {number, JSON, dueAt, …}
-- INCLUDE  now events callback
local reply = {}
local entries = redis.call('ZRANGE', due, 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  table.insert(reply, entries[i])
  table.insert(reply, redis.call('HGET', tasks, entries[i]))
  table.insert(reply, entries[i + 1])
end
return reply
