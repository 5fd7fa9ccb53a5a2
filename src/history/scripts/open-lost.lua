-- open-lost — a node is dead, and these are the records of its calls. Each is put on the stream by whoever comes first.
-- KEYS     nodes calls history rejected
-- ARGV     node records
-- RETURNS  the ids of the calls whose records were put there
local nodes, calls, history, rejected = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local written = {}
for _, one in ipairs(cjson.decode(ARGV[2])) do
  local id, record = one[1], one[2]
  local open = redis.call('HGET', calls, id)
  if open then
    if record == '' then
      -- Of an engine that writes them otherwise: a person may make something of it.
      redis.call('XADD', rejected, 'MAXLEN', '~', 10000, '*', 'record', open, 'reason', 'not an open call')
    else
      redis.call('XADD', history, '*', 'record', record)
      table.insert(written, id)
    end
    redis.call('HDEL', calls, id)
  end
end
if redis.call('EXISTS', calls) == 0 then redis.call('ZREM', nodes, ARGV[1]) end
return written
