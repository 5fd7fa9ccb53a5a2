-- history-add — put finished calls on the stream; they do not go on any more.
-- KEYS     history open
-- ARGV     records
-- RETURNS  the stream's length
local history, open = KEYS[1], KEYS[2]
for _, one in ipairs(cjson.decode(ARGV[1])) do
  redis.call('XADD', history, '*', 'record', one[2])
  redis.call('HDEL', open, one[1])
end
return redis.call('XLEN', history)
