-- history-reject — put an entry aside that the database will never take, with the reason.
-- KEYS     history rejected
-- ARGV     group id record reason
-- RETURNS  how many entries have been put aside
local history, rejected = KEYS[1], KEYS[2]
redis.call('XADD', rejected, 'MAXLEN', '~', 10000, '*', 'record', ARGV[3], 'reason', ARGV[4])
redis.call('XACK', history, ARGV[1], ARGV[2])
redis.call('XDEL', history, ARGV[2])
if redis.call('XLEN', history) == 0 then redis.call('DEL', history) end
return redis.call('XLEN', rejected)
