-- room-hold — makes a node the one that has a conference room, or lets it stay that, or tells which other has it.
-- KEYS     rooms
-- ARGV     now room node ttlMs
-- RETURNS  {'held'} | {'other', node}
-- INCLUDE  now
local rooms = KEYS[1]
local now, room, node, ttl = time_now(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local known = redis.call('HGET', rooms, room)
if known then
  local expires, holder = known:match('^(%d+) (.+)$')
  if holder ~= node and tonumber(expires) > now then return { 'other', holder } end
end
redis.call('HSET', rooms, room, string.format('%d %s', now + ttl, node))
redis.call('PEXPIRE', rooms, ttl * 2)
return { 'held' }
