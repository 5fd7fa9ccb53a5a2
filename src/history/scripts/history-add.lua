-- history-add — put finished calls on the stream.
-- KEYS     history
-- ARGV     records
-- RETURNS  the stream's length
local history = KEYS[1]
for _, record in ipairs(cjson.decode(ARGV[1])) do
  redis.call('XADD', history, '*', 'record', record)
end
return redis.call('XLEN', history)
