# Makes the facts' JSON of files under /proc, /sys and /etc, and of what
# setup.sh found with tools: sections on stdin, each after a line "@name".

function str(s,   out, i, c) {
  if (s !~ /[\\"[:cntrl:]]/) return "\"" s "\""
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "\\" || c == "\"") c = "\\" c
    else if (c == "\n") c = "\\n"
    else if (c == "\t") c = "\\t"
    else if (c ~ /[[:cntrl:]]/) c = sprintf("\\u%04x", code(c))
    out = out c
  }
  return "\"" out "\""
}
function code(c,   i) { for (i = 1; i < 32; i++) if (sprintf("%c", i) == c) return i; return 127 }
function pair(key, json) { return str(key) ":" json }
function join(list, item) { return list (list == "" ? "" : ",") item }

# Facts: by name and JSON; only those that a filter lets through.
function fact(name, json,   i) {
  if (filters && !(wanted(name))) return
  facts = join(facts, pair("ansible_" name, json))
}
function text(name, value) { fact(name, str(value)) }
function number(name, value) { fact(name, value == "" ? "0" : value + 0) }
function flag(name, value) { fact(name, value ? "true" : "false") }
function wanted(name,   i) {
  for (i = 1; i <= filters; i++)
    if (name ~ filter[i] || ("ansible_" name) ~ filter[i]) return 1
  return 0
}
# A shell pattern as a regular expression.
function glob(p,   out, i, c) {
  for (i = 1; i <= length(p); i++) {
    c = substr(p, i, 1)
    if (c == "*") c = ".*"
    else if (c == "?") c = "."
    else if (c ~ /[].+(){}^$|\\]/ && c != "]") c = "[" (c == "^" || c == "\\" ? "\\" c : c) "]"
    out = out c
  }
  return "^" out "$"
}

# The first line of a file, or the given word.
function line_of(path, otherwise,   l) {
  if ((getline l < (root path)) <= 0) l = otherwise
  close(root path)
  return l
}
function unquoted(s) {
  if (s ~ /^".*"$/ || s ~ /^\047.*\047$/) s = substr(s, 2, length(s) - 2)
  return s
}
function mb(kb) { return int(kb / 1024) }

function platform(   host, fqdn, l, n, w, i, bits) {
  host = line_of("/proc/sys/kernel/hostname", "localhost")
  fqdn = host
  # /etc/hosts only: a device without DNS must not wait for it.
  if (host !~ /\./)
    while ((getline l < (root "/etc/hosts")) > 0) {
      sub(/#.*/, "", l); n = split(l, w, /[ \t]+/)
      for (i = 2; i <= n; i++) if (index(w[i], host ".") == 1) fqdn = w[i]
    }
  text("nodename", host); l = host; sub(/\..*/, "", l); text("hostname", l)
  text("fqdn", fqdn); l = fqdn; if (!sub(/^[^.]*\./, "", l)) l = ""; text("domain", l)
  text("system", line_of("/proc/sys/kernel/ostype", "Linux"))
  text("kernel", line_of("/proc/sys/kernel/osrelease", ""))
  text("kernel_version", line_of("/proc/sys/kernel/version", ""))
  text("machine", machine)
  bits = elf == 1 ? "32" : (elf == 2 || machine ~ /64/ ? "64" : "32")
  l = machine
  if (l ~ /^i.86$/ || (l == "x86_64" && bits == "32")) l = "i386"
  text("architecture", machine ~ /^i.86$/ ? "i386" : machine)
  text("userspace_architecture", l); text("userspace_bits", bits)
  text("machine_id", line_of("/etc/machine-id", ""))
  l = line_of("/proc/sys/kernel/random/boot_id", "")
  if (!filters || wanted("fleetrun_boot_id")) facts = join(facts, pair("fleetrun_boot_id", str(l)))
  flag("is_chroot", chroot == "true")
  text("pkg_mgr", pkg_mgr); text("service_mgr", service_mgr)
  flag("fips", line_of("/proc/sys/crypto/fips_enabled", 0) == 1)
  l = line_of("/sys/fs/selinux/enforce", "")
  fact("selinux", "{" pair("status", str(l == "" ? "disabled" : "enabled")) "}")
}

function distribution(   l, k, v, os, id, name, family, version, release) {
  while ((getline l < (root "/etc/os-release")) > 0) {
    k = l; sub(/=.*/, "", k); v = substr(l, length(k) + 2); os[k] = unquoted(v)
  }
  id = os["ID"]; version = os["VERSION_ID"]; release = os["VERSION_CODENAME"]
  name = id in NAMES ? NAMES[id] : os["NAME"]
  if (id == "debian" || id == "raspbian") {
    l = line_of("/etc/debian_version", "")
    if (l ~ /^[0-9]/) version = l
  }
  if (id == "openwrt") release = os["OPENWRT_RELEASE"] == "" ? os["VERSION"] : os["OPENWRT_RELEASE"]
  if (release == "" && match(os["VERSION"], /\([^)]*\)/))
    release = substr(os["VERSION"], RSTART + 1, RLENGTH - 2)
  family = id in FAMILY ? FAMILY[id] : ""
  if (family == "") { split(os["ID_LIKE"], v_like, " "); family = v_like[1] in FAMILY ? FAMILY[v_like[1]] : name }
  text("distribution", name == "" ? "NA" : name); text("os_family", family == "" ? "NA" : family)
  text("distribution_version", version == "" ? "NA" : version)
  text("distribution_release", release == "" ? "NA" : release)
  l = version; sub(/\..*/, "", l); text("distribution_major_version", l == "" ? "NA" : l)
  text("distribution_file_path", "/etc/os-release")
}

function user(   l, w, st, uid, gid) {
  while ((getline l < "/proc/self/status") > 0) {
    split(l, w, /[ \t]+/)
    if (w[1] == "Uid:") { uid = w[3]; st = w[2] }
    if (w[1] == "Gid:") gid = w[3]
  }
  if (uid == "") { uid = me_uid; gid = me_gid; st = uid }
  number("effective_user_id", uid); number("real_user_id", st)
  number("effective_group_id", gid); number("real_group_id", gid)
  number("user_uid", uid)
  while ((getline l < (root "/etc/passwd")) > 0) {
    split(l, w, ":")
    if (w[3] == uid) {
      text("user_id", w[1]); number("user_gid", w[4]); text("user_gecos", w[5])
      text("user_dir", w[6]); text("user_shell", w[7])
      return
    }
  }
  text("user_id", ENVIRON["USER"] != "" ? ENVIRON["USER"] : uid); number("user_gid", gid)
  text("user_gecos", ""); text("user_dir", ENVIRON["HOME"]); text("user_shell", ENVIRON["SHELL"])
}

function environment(   k, out) {
  for (k in ENVIRON) {
    if (k == "LC_ALL" && own_locale != "given") continue
    out = join(out, pair(k, str(ENVIRON[k])))
  }
  fact("env", "{" out "}")
}

function date_time(   w, out, n, i) {
  n = split("year month day hour minute second epoch tz tz_offset weekday weekday_number weeknumber", w, " ")
  for (i = 1; i <= n; i++) out = join(out, pair(w[i], str(date[i])))
  out = join(out, pair("date", str(date[1] "-" date[2] "-" date[3])))
  out = join(out, pair("time", str(date[4] ":" date[5] ":" date[6])))
  out = join(out, pair("epoch_int", str(date[7])))
  out = join(out, pair("iso8601", str(utc)))
  i = date[1] date[2] date[3] "T" date[4] date[5] date[6]
  fact("date_time", "{" join(out, pair("iso8601_basic_short", str(i))) "}")
}

function simple_files(   l, w, n, i, ns, search, key, out) {
  while ((getline l < (root "/etc/resolv.conf")) > 0) {
    n = split(l, w, /[ \t]+/)
    if (w[1] == "nameserver") ns = join(ns, str(w[2]))
    if (w[1] == "search") for (i = 2; i <= n; i++) search = join(search, str(w[i]))
  }
  l = ""
  if (ns != "") l = pair("nameservers", "[" ns "]")
  if (search != "") l = join(l, pair("search", "[" search "]"))
  fact("dns", "{" l "}")
  n = split("dsa ecdsa ed25519 rsa", w, " ")
  for (i = 1; i <= n; i++) {
    l = line_of("/etc/ssh/ssh_host_" w[i] "_key.pub", "")
    if (l == "") continue
    split(l, key, " ")
    text("ssh_host_key_" w[i] "_public", key[2]); text("ssh_host_key_" w[i] "_public_keytype", key[1])
  }
  n = split(line_of("/proc/cmdline", ""), w, " ")
  for (i = 1; i <= n; i++) {
    key[1] = w[i]; sub(/=.*/, "", key[1])
    if (key[1] in seen_word) continue
    seen_word[key[1]] = 1
    out = join(out, pair(key[1], index(w[i], "=") ? str(substr(w[i], length(key[1]) + 2)) : "true"))
  }
  fact("cmdline", "{" out "}")
  fact("local", "{}")
}

function memory(   l, w, m, used) {
  while ((getline l < (root "/proc/meminfo")) > 0) { split(l, w, /[: ]+/); m[w[1]] = w[2] }
  number("memtotal_mb", mb(m["MemTotal"])); number("memfree_mb", mb(m["MemFree"]))
  number("swaptotal_mb", mb(m["SwapTotal"])); number("swapfree_mb", mb(m["SwapFree"]))
  if ("MemAvailable" in m) number("memavailable_mb", mb(m["MemAvailable"]))
  used = m["MemFree"] + m["Cached"] + m["Buffers"]
  fact("memory_mb", "{" pair("real", "{" pair("total", mb(m["MemTotal"])) "," \
    pair("free", mb(m["MemFree"])) "," pair("used", mb(m["MemTotal"] - m["MemFree"])) "}") "," \
    pair("nocache", "{" pair("free", mb(used)) "," pair("used", mb(m["MemTotal"] - used)) "}") "," \
    pair("swap", "{" pair("total", mb(m["SwapTotal"])) "," pair("free", mb(m["SwapFree"])) "," \
    pair("used", mb(m["SwapTotal"] - m["SwapFree"])) "," pair("cached", mb(m["SwapCached"])) "}") "}")
}

function processor(   l, k, v, n, list, sockets, ids, cores, siblings, model) {
  cores = 1; siblings = 0
  while ((getline l < (root "/proc/cpuinfo")) > 0) {
    k = l; sub(/[ \t]*:.*/, "", k); v = l; sub(/^[^:]*:[ \t]*/, "", v)
    if (k == "processor") { n++; list = join(list, str(v)) }
    else if (k == "vendor_id" || k == "model name" || k == "Processor") list = join(list, str(v))
    else if (k == "physical id") { if (!(v in ids)) { ids[v] = 1; sockets++ } }
    else if (k == "cpu cores") cores = v
    else if (k == "siblings") siblings = v
    else if (k == "Serial") cpu_serial = v
    else if (k == "Model" || k == "machine") cpu_model = v
  }
  if (!n) n = 1
  if (!sockets) { sockets = n; cores = 1; siblings = 1 }
  k = int(siblings / cores); if (k < 1) k = 1
  fact("processor", "[" list "]")
  number("processor_count", sockets); number("processor_cores", cores)
  number("processor_threads_per_core", k); number("processor_vcpus", sockets * cores * k)
  number("processor_nproc", n)
  split(line_of("/proc/uptime", "0"), v_up, " "); number("uptime_seconds", int(v_up[1]))
  if (split(line_of("/proc/loadavg", ""), v_up, " ") > 2)
    fact("loadavg", "{" pair("1m", v_up[1] + 0) "," pair("5m", v_up[2] + 0) "," pair("15m", v_up[3] + 0) "}")
}

function dmi(name, file, otherwise,   l) {
  l = line_of("/sys/class/dmi/id/" file, "")
  sub(/[ \t]+$/, "", l)
  text(name, l == "" ? otherwise : l)
  return l
}
function board(   model) {
  model = tree_model == "" ? cpu_model : tree_model
  product = dmi("product_name", "product_name", model == "" ? "NA" : model)
  dmi("product_serial", "product_serial", tree_serial != "" ? tree_serial : (cpu_serial != "" ? cpu_serial : "NA"))
  dmi("product_version", "product_version", "NA"); dmi("product_uuid", "product_uuid", "NA")
  vendor = dmi("system_vendor", "sys_vendor", "NA")
  dmi("bios_vendor", "bios_vendor", "NA"); dmi("bios_version", "bios_version", "NA")
  dmi("bios_date", "bios_date", "NA"); dmi("board_name", "board_name", "NA")
  dmi("board_vendor", "board_vendor", "NA"); dmi("chassis_vendor", "chassis_vendor", "NA")
  if (tree_model != "") text("device_tree_model", tree_model)
}

# \040 and its like, as the kernel writes spaces in mount points.
function unescaped(s,   out) {
  while (match(s, /\\[0-7][0-7][0-7]/)) {
    out = out substr(s, 1, RSTART - 1) sprintf("%c", substr(s, RSTART + 1, 1) * 64 + \
      substr(s, RSTART + 2, 1) * 8 + substr(s, RSTART + 3, 1))
    s = substr(s, RSTART + 4)
  }
  return out s
}
function mounts(   l, w, out, one) {
  while ((getline l < (root "/proc/mounts")) > 0) {
    split(l, w, " ")
    if (w[1] !~ /^\// && w[1] !~ /:\//) continue
    w[2] = unescaped(w[2])
    one = pair("device", str(unescaped(w[1]))) "," pair("mount", str(w[2])) "," \
      pair("fstype", str(w[3])) "," pair("options", str(w[4])) "," pair("dump", w[5] + 0) "," \
      pair("passno", w[6] + 0)
    if (w[2] in df_total)
      one = one "," pair("size_total", df_total[w[2]] "") "," pair("size_available", df_free[w[2]] "")
    out = join(out, "{" one "}")
  }
  fact("mounts", "[" out "]")
}

function bytes(kb) { return kb == "0" ? "0" : sprintf("%.0f", kb * 1024) }

# No powers: busybox may be built without them.
function netmask(prefix,   i, out, n, rest) {
  for (i = 0; i < 4; i++) {
    n = prefix >= 8 ? 8 : (prefix > 0 ? prefix : 0); prefix -= n
    for (rest = 256; n > 0; n--) rest /= 2
    out = out (i ? "." : "") (256 - rest)
  }
  return out
}
function network_of(address, prefix,   a, m, i, out, block) {
  split(address, a, "."); split(netmask(prefix), m, ".")
  for (i = 1; i <= 4; i++) { block = 256 - m[i]; out = out (i > 1 ? "." : "") (a[i] - a[i] % block) }
  return out
}
# One address as setup.sh says it: interface, family, address/prefix, broadcast, scope.
function address(name, family, cidr, broadcast, scope,   a, one) {
  split(cidr, a, "/")
  if (family == "inet") {
    one = pair("address", str(a[1])) "," pair("broadcast", str(broadcast)) "," \
      pair("netmask", str(netmask(a[2]))) "," pair("network", str(network_of(a[1], a[2]))) "," \
      pair("prefix", str(a[2]))
    if (v4[name] == "") { v4[name] = one; v4_address[name] = a[1] }
    else v4_more[name] = join(v4_more[name], "{" one "}")
    if (a[1] !~ /^127\./) all4 = join(all4, str(a[1]))
  } else {
    one = pair("address", str(a[1])) "," pair("prefix", str(a[2])) "," pair("scope", str(scope))
    v6[name] = join(v6[name], "{" one "}")
    if (v6_address[name] == "" && scope == "global") {
      v6_address[name] = a[1]; v6_prefix[name] = a[2]
    }
    if (a[1] != "::1") all6 = join(all6, str(a[1]))
  }
}
function interfaces(   i, n, name, out, f, list, mac, type, key, up) {
  for (i = 1; i <= ifs; i++) {
    split(if_name[i], f, "|"); name = f[1]
    n = f[4]; type = n == 1 ? "ether" : (n == 772 ? "loopback" : (n == 65534 ? "tunnel" : "unknown"))
    if (f[7] != "") type = f[7]
    mac = f[2]
    if_mtu[name] = f[3]; if_mac[name] = mac; if_type[name] = type
    up = f[5]
    list = join(list, str(name))
    out = pair("device", str(name)) "," pair("active", up == "up" || (up == "unknown" && v4[name] v6[name] != "") ? "true" : "false") "," \
      pair("mtu", if_mtu[name] + 0) "," pair("type", str(type))
    if (mac != "" && n != 772) out = out "," pair("macaddress", str(mac))
    if (f[6] ~ /^-?[0-9]+$/) out = out "," pair("speed", f[6] + 0)
    if (v4[name] != "") out = out "," pair("ipv4", "{" v4[name] "}")
    if (v4_more[name] != "") out = out "," pair("ipv4_secondaries", "[" v4_more[name] "]")
    if (v6[name] != "") out = out "," pair("ipv6", "[" v6[name] "]")
    key = name; gsub(/[-:]/, "_", key)
    fact(key, "{" out "}")
  }
  fact("interfaces", "[" list "]")
  fact("all_ipv4_addresses", "[" all4 "]"); fact("all_ipv6_addresses", "[" all6 "]")
  default_route("default_ipv4", gw4, dev4, v4[dev4])
  name = v6_address[dev6] == "" ? "" : pair("address", str(v6_address[dev6])) "," \
    pair("prefix", str(v6_prefix[dev6])) "," pair("scope", str("global"))
  default_route("default_ipv6", gw6, dev6, name)
}
function default_route(name, gateway, dev, address_json,   out) {
  if (dev == "") { fact(name, "{}"); return }
  out = pair("interface", str(dev)) "," pair("alias", str(dev)) "," pair("gateway", str(gateway)) "," \
    pair("mtu", if_mtu[dev] + 0) "," pair("type", str(if_type[dev])) "," pair("macaddress", str(if_mac[dev]))
  fact(name, "{" out (address_json == "" ? "" : "," address_json) "}")
}
# "default via 192.0.2.1 dev eth0 … metric 100": the lowest metric counts.
function route(family, line,   w, n, i, gateway, dev, metric) {
  n = split(line, w, " "); metric = family == 4 ? 0 : 1024
  for (i = 1; i < n; i++) {
    if (w[i] == "via") gateway = w[i + 1]
    if (w[i] == "dev") dev = w[i + 1]
    if (w[i] == "metric") metric = w[i + 1]
  }
  if ((family in best) && best[family] + 0 <= metric + 0) return
  best[family] = metric
  if (family == 4) { gw4 = gateway; dev4 = dev } else { gw6 = gateway; dev6 = dev }
}
# The kernel writes addresses of /proc/net/route in its own byte order.
function hex_address(h,   i, out, d) {
  for (i = 7; i > 0; i -= 2) {
    d = (index("0123456789ABCDEF", substr(h, i, 1)) - 1) * 16 + index("0123456789ABCDEF", substr(h, i + 1, 1)) - 1
    out = out (i < 7 ? "." : "") d
  }
  return out
}
function routes_of_proc(   l, w) {
  while ((getline l < (root "/proc/net/route")) > 0) {
    split(l, w, /[ \t]+/)
    if (w[2] == "00000000" && w[3] != "00000000")
      route(4, "default via " hex_address(w[3]) " dev " w[1] " metric " w[7])
  }
}
# ifconfig, where there is no ip: blocks that start with the interface.
function ifconfig_line(l,   w, n, i, mask, bcast, a, p) {
  if (l ~ /^[^ \t]/) { current = l; sub(/[ :].*/, "", current) }
  if (l !~ /inet /) return
  n = split(l, w, /[ \t]+/)
  for (i = 1; i <= n; i++) {
    sub(/^(addr|Bcast|Mask):/, "", w[i])
    if (w[i] == "inet") a = w[i + 1]
    if (w[i] == "netmask") mask = w[i + 1]
    if (w[i] == "broadcast") bcast = w[i + 1]
  }
  sub(/^addr:/, "", a)
  if (mask == "" && match(l, /Mask:[0-9.]+/)) mask = substr(l, RSTART + 5, RLENGTH - 5)
  if (bcast == "" && match(l, /Bcast:[0-9.]+/)) bcast = substr(l, RSTART + 6, RLENGTH - 6)
  n = split(mask, w, ".")
  for (i = 1; i <= n; i++) while (w[i] > 0) { p++; w[i] = (w[i] * 2) % 256 }
  if (a != "") address(current, "inet", a "/" (p + 0), bcast, "")
}

function virtual(   type, l, role) {
  role = "guest"
  if (container != "") type = container
  else if (product ~ /KVM/ || vendor ~ /QEMU/ || product ~ /Standard PC/) type = "kvm"
  else if (vendor ~ /VMware/) type = "VMware"
  else if (product ~ /VirtualBox/) type = "virtualbox"
  else if (vendor ~ /Microsoft/ && product ~ /Virtual/) type = "VirtualPC"
  else if (line_of("/sys/hypervisor/type", "") == "xen") type = "xen"
  else {
    role = "NA"; type = "NA"
    while ((getline l < (root "/proc/cpuinfo")) > 0)
      if (l ~ /^flags/ && l ~ / hypervisor( |$)/) { role = "guest"; type = "kvm"; break }
    close(root "/proc/cpuinfo")
  }
  text("virtualization_type", type); text("virtualization_role", role)
}

BEGIN {
  n = split("debian Debian raspbian Debian ubuntu Ubuntu alpine Alpine fedora Fedora centos CentOS rhel RedHat " \
    "rocky Rocky almalinux AlmaLinux ol OracleLinux amzn Amazon arch Archlinux openwrt OpenWrt " \
    "gentoo Gentoo kali Kali devuan Devuan", w, " ")
  for (i = 1; i < n; i += 2) NAMES[w[i]] = w[i + 1]
  NAMES["linuxmint"] = "Linux Mint"; NAMES["opensuse-leap"] = "openSUSE Leap"
  NAMES["opensuse-tumbleweed"] = "openSUSE Tumbleweed"; NAMES["sles"] = "SLES"
  n = split("debian Debian raspbian Debian ubuntu Debian linuxmint Debian kali Debian devuan Debian " \
    "fedora RedHat centos RedHat rhel RedHat rocky RedHat almalinux RedHat ol RedHat amzn RedHat " \
    "alpine Alpine arch Archlinux gentoo Gentoo suse Suse opensuse Suse opensuse-leap Suse " \
    "opensuse-tumbleweed Suse sles Suse openwrt OpenWrt", w, " ")
  for (i = 1; i < n; i += 2) FAMILY[w[i]] = w[i + 1]
}
/^@/ { section = $1; next }
section == "@root" { root = $0 }
section == "@subset" { on[$1] = 1 }
section == "@filter" { filter[++filters] = glob($0) }
section == "@machine" { machine = $0 }
section == "@elf" { elf = $1 }
section == "@chroot" { chroot = $0 }
section == "@pkg_mgr" { pkg_mgr = $0 }
section == "@service_mgr" { service_mgr = $0 }
section == "@container" { container = $0 }
section == "@locale" { own_locale = $0 }
section == "@date" { split($0, date, "|") }
section == "@utc" { utc = $0 }
section == "@model" { tree_model = $0 }
section == "@serial" { tree_serial = $0 }
section == "@df" && $1 != "Filesystem" && NF >= 6 {
  mount = $0; sub(/^([^ ]+ +){5}/, "", mount)
  if (mount == $0) { mount = $6; for (i = 7; i <= NF; i++) mount = mount " " $i }
  df_total[mount] = bytes($2); df_free[mount] = bytes($4)
}
section == "@if" { if_name[++ifs] = $0 }
section == "@addr" {
  family = $3; bcast = ""; scope = ""
  for (i = 5; i < NF; i++) {
    if ($i == "brd") bcast = $(i + 1)
    if ($i == "scope") scope = $(i + 1)
  }
  name = $2; sub(/[:@].*/, "", name)
  if (family == "inet" || family == "inet6") address(name, family, $4 ($4 ~ /\// ? "" : (family == "inet" ? "/32" : "/128")), bcast, scope)
}
section == "@ifconfig" { ifconfig_line($0) }
section == "@route4" { route(4, $0) }
section == "@route6" { route(6, $0) }
END {
  if (on["min"]) {
    platform(); distribution(); user(); environment(); date_time(); simple_files()
  }
  if (on["hardware"]) { memory(); processor(); board(); mounts() }
  if (on["network"]) { if (dev4 == "") routes_of_proc(); interfaces() }
  if (on["virtual"]) {
    if (!on["hardware"]) { product = line_of("/sys/class/dmi/id/product_name", ""); vendor = line_of("/sys/class/dmi/id/sys_vendor", "") }
    virtual()
  }
  print "{" facts "}"
}
