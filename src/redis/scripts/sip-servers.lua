-- sip-servers — says that a SIP server is there for other nodes, for a while, and tells which are.
-- KEYS     servers
-- ARGV     now server data ttlMs
-- RETURNS  {'servers', {data…}}
-- INCLUDE  now
-- An empty server announces none; empty data takes the server back.
local servers = KEYS[1]
local now, server, data, ttl = time_now(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
if server ~= '' then
  if data == '' then redis.call('HDEL', servers, server)
  else redis.call('HSET', servers, server, string.format('%d ', now + ttl) .. data) end
end
local live = {}
local all = redis.call('HGETALL', servers)
for at = 1, #all, 2 do
  local space = string.find(all[at + 1], ' ', 1, true)
  if tonumber(string.sub(all[at + 1], 1, space - 1)) > now then live[#live + 1] = string.sub(all[at + 1], space + 1)
  else redis.call('HDEL', servers, all[at]) end
end
return { 'servers', live }
