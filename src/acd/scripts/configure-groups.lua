-- configure-groups — take over the groups of a version of the configuration; callers of groups that are gone are told.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance groups agentIds
-- RETURNS  {employee who is in it no more, …}
-- INCLUDE  now events state agent offer changes
-- {group: [algorithm, [employee…]]}, and all employees there are
local given, ids = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
for id, group in pairs(given) do
  redis.call('HSET', groups, id, cmsgpack.pack({ algorithm = group[1], size = #group[2] }), id .. '\nmembers', cmsgpack.pack(group[2]))
end
for _, id in ipairs(redis.call('HKEYS', groups)) do
  if not given[id] and not string.find(id, '\n', 1, true) then
    redis.call('HDEL', groups, id, id .. '\nmembers')
    for _, index in ipairs({ queue, ringing }) do
      for _, entry in ipairs(redis.call('ZRANGEBYLEX', index, from_of(id), to_of(id))) do
        give_up(third_part(entry), caller_of(third_part(entry)), 'groupGone')
      end
    end
  end
end
local known, gone = {}, {}
for _, id in ipairs(ids) do known[id] = true end
for _, id in ipairs(redis.call('HKEYS', members)) do
  if not known[id] then
    redis.call('HDEL', members, id)
    table.insert(gone, id)
    touch(id)
  end
end
settle()
for _, id in ipairs(gone) do
  if not next(agent_of(id).calls) and not agent_of(id).reservation then forget_agent(id) end
end
commit()
return gone
