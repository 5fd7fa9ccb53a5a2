-- history-done — take entries off the stream, now that they are in the database; an empty stream goes altogether.
-- KEYS     history
-- ARGV     group ids
-- RETURNS  how many entries are left
local history = KEYS[1]
local ids = cjson.decode(ARGV[2])
for _, id in ipairs(ids) do
  redis.call('XACK', history, ARGV[1], id)
  redis.call('XDEL', history, id)
end
local left = redis.call('XLEN', history)
if left == 0 then redis.call('DEL', history) end
return left
