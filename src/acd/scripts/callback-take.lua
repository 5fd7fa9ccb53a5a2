-- callback-take — the tasks that are due, for one node; until the lease is over no other gets them, and then another does.
-- KEYS     tasks due events
-- ARGV     now leaseMs limit
-- RETURNS  {number, JSON, …}
-- INCLUDE  now events callback
local reply = {}
local due_at = now + tonumber(ARGV[2])
for _, number in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', integer(now), 'LIMIT', 0, ARGV[3])) do
  local task = task_of(number)
  if task then
    -- Grows with the time: a holder of an earlier task of this number is not taken for this one's.
    task.lease = math.max((task.lease or 0) + 1, now)
    keep_task(number, task, due_at)
    tell('taken', number, task, due_at)
    table.insert(reply, number)
    table.insert(reply, cjson.encode(task))
  else
    redis.call('ZREM', due, number)
  end
end
tell_all()
return reply
