-- history-take — hand entries to a writer: first those that another writer took long ago and never finished, then new ones.
-- KEYS     history
-- ARGV     group writer idleMs limit
-- RETURNS  {id, record, …}; a record is '' when its entry has been deleted
local history = KEYS[1]
local group, writer, idle, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

if redis.call('EXISTS', history) == 0 then return {} end
local made = redis.pcall('XGROUP', 'CREATE', history, group, '0')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end

local taken = {}
local function take(entries)
  for _, entry in ipairs(entries) do
    table.insert(taken, entry[1])
    table.insert(taken, entry[2] and entry[2][2] or '')
  end
end
take(redis.call('XAUTOCLAIM', history, group, writer, idle, '0-0', 'COUNT', limit)[2])
local room = limit - #taken / 2
if room > 0 then
  local read = redis.call('XREADGROUP', 'GROUP', group, writer, 'COUNT', room, 'STREAMS', history, '>')
  if read then take(read[1][2]) end
end
return taken
