# SPDX-License-Identifier: GPL-2.0-or-later
# What natledger adds to ulogd2's conntrack lines, worked out from the lines alone: times, duration,
# and who was behind the public address. The keys are natledger's (`natledger fields`).
#
# Logstash calls register() once and filter() for each event, from several threads at once. What
# ulogd2's lines cannot tell is absent; logstash/README.md names it.
require "digest"

def register(params)
  @observer = params["observer"].to_s
  @actions = { 1 => "flow-start", 2 => "flow-update", 4 => "flow-end" }
  @with_ports = [6, 17, 33, 132, 136]
  @transports = { 1 => "icmp", 2 => "igmp", 4 => "ipv4", 6 => "tcp", 17 => "udp", 33 => "dccp",
                  41 => "ipv6", 47 => "gre", 50 => "esp", 51 => "ah", 58 => "ipv6-icmp",
                  89 => "ospfigp", 103 => "pim", 112 => "vrrp", 115 => "l2tp", 132 => "sctp",
                  136 => "udplite" }
  # By these a line is known again. Without a time in it, as of a poll, two lines are the same one
  # if the kernel's id, the tuples and the counters are.
  @identity = %w[timestamp dvc orig.ip.protocol orig.l4.sport orig.l4.dport orig.raw.pktlen
                 orig.raw.pktcount reply.l4.sport reply.l4.dport reply.raw.pktlen
                 reply.raw.pktcount icmp.code icmp.type ct.mark ct.id ct.event flow.start.sec
                 flow.start.usec flow.end.sec flow.end.usec src_ip dest_ip reply.ip.saddr.str
                 reply.ip.daddr.str]
end

def filter(event)
  # NFLOG's lines have no event of the connection tracking: they stay as they are.
  return [event] unless @actions.key?(number(event, "ct.event"))

  event.set("[@metadata][ulogd_id]", identity_of(event))
  add_times(event)
  add_names(event)
  add_translation(event)
  [event]
end

def number(event, key)
  value = event.get("[#{key}]")
  value if value.is_a?(Integer)
end

def address(event, key)
  value = event.get("[#{key}]")
  value if value.is_a?(String)
end

def identity_of(event)
  of_line = event.get("@version") == 1 ? [event.get("@timestamp").to_s] : [] # eventv1
  values = [@observer] + of_line + @identity.map { |key| event.get("[#{key}]") }
  Digest::SHA256.hexdigest(values.join("|"))[0, 40]
end

# In microseconds, or nil.
def time_of(event, which)
  seconds = number(event, "flow.#{which}.sec")
  return unless seconds && (0...2**32).cover?(seconds)

  seconds * 1_000_000 + (number(event, "flow.#{which}.usec") || 0)
end

def text_of(microseconds)
  Time.at(microseconds / 1_000_000, microseconds % 1_000_000).utc.strftime("%Y-%m-%dT%H:%M:%S.%6NZ")
end

def add_times(event)
  began = time_of(event, "start")
  ended = time_of(event, "end")
  event.set("[event.start]", text_of(began)) if began
  event.set("[event.end]", text_of(ended)) if ended
  if began && ended
    event.set("[flow.duration.sec]",
              number(event, "flow.end.sec") - number(event, "flow.start.sec"))
    # The clock was set back in between, or two clocks told: no honest figure.
    event.set("[event.duration]", (ended - began) * 1000) if ended >= began
  end
  at = { 1 => began, 4 => ended }[number(event, "ct.event")] || written_at(event)
  event.set("@timestamp", LogStash::Timestamp.at(at / 1_000_000, at % 1_000_000)) if at
end

# When ulogd2 made the line. It leaves the offset out where that is zero.
def written_at(event)
  parts = /\A(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:([+-])(\d\d):?(\d\d))?\z/.match(
    event.get("[timestamp]").to_s
  )
  return unless parts

  seconds = Time.utc(*parts[1..6].map(&:to_i)).to_i
  offset = (parts[8].to_i * 60 + parts[9].to_i) * 60
  (parts[7] == "-" ? seconds + offset : seconds - offset) * 1_000_000
rescue ArgumentError # the 31st of February
  nil
end

def add_names(event)
  event.set("[event.kind]", "event")
  event.set("[event.action]", @actions[number(event, "ct.event")])
  transport = @transports[number(event, "orig.ip.protocol")]
  event.set("[network.transport]", transport) if transport
  family = { 2 => "ipv4", 10 => "ipv6" }[number(event, "oob.family")]
  event.set("[network.type]", family) if family
  %w[type code].each do |part| # ulogd2 2.0.9
    value = number(event, "icmpv6.#{part}")
    event.set("[conntrack.icmp.#{part}]", value) if value
  end
  event.set("[observer.name]", @observer) unless @observer.empty?
end

# The reply tuple is what comes back: its destination is the source as the outside saw it, and its
# source is the real destination.
def add_translation(event)
  ports = @with_ports.include?(number(event, "orig.ip.protocol"))
  source, target, real_target, outer_source = [
    %w[src_ip orig.l4.sport], %w[dest_ip orig.l4.dport],
    %w[reply.ip.saddr.str reply.l4.sport], %w[reply.ip.daddr.str reply.l4.dport]
  ].map { |ip, port| [address(event, ip), ports ? number(event, port) : nil] }
  # Without IP2STR in its stack ulogd2 prints no address.
  return unless [source, target, real_target, outer_source].all?(&:first)

  snat = outer_source != source
  dnat = real_target != target

  add_end(event, "source", outer_source) if snat
  add_end(event, "destination", real_target) if dnat
  event.set("[conntrack.nat.kind]", { [true, true] => "both", [true, false] => "snat",
                                      [false, true] => "dnat" }.fetch([snat, dnat], "none"))
  translated = [snat && outer_source[1], dnat && real_target[1]].select { |port| port }
  event.set("[conntrack.nat.port]", translated) unless translated.empty?
  seen = [snat && outer_source, dnat && target].select { |one| one }
  event.set("[conntrack.public]", (seen.empty? ? [source] : seen).map { |one| text(*one) })
  event.set("[conntrack.inside]", text(*(dnat && !snat ? real_target : source)))
end

# Both members, even where only one of them was changed.
def add_end(event, which, place)
  event.set("[#{which}.nat.ip]", place[0])
  event.set("[#{which}.nat.port]", place[1]) if place[1]
end

def text(ip, port)
  return ip unless port

  ip.include?(":") ? "[#{ip}]:#{port}" : "#{ip}:#{port}"
end
