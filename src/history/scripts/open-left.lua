-- open-left — calls that a node has left behind, some of them if there are many.
-- KEYS     nodes calls
-- ARGV     limit
-- RETURNS  {id, call, …}
local ids = redis.call('HSCAN', KEYS[2], '0', 'COUNT', ARGV[1])[2]
return ids
