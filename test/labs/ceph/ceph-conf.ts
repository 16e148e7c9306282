/** What differs from one cluster to the next. */
export interface CephConfOptions {
  /** The folder of everything that the cluster writes. */
  readonly directory: string;
  readonly fsid: string;
  /** Of the monitor, on 127.0.0.1; messenger version 2. */
  readonly monitorPort: number;
}

/**
 * ceph.conf of a cluster of one of each daemon on 127.0.0.1, whose data is in memory and may be lost, made to start and
 * to answer fast. The operator and the clients do not read it.
 */
export function cephConf({ directory, fsid, monitorPort }: CephConfOptions): string {
  return `[global]
fsid = ${fsid}
mon_initial_members = a
mon_host = [v2:127.0.0.1:${monitorPort}/0]
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_heartbeat_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = ${directory}/keyrings/$name
run_dir = ${directory}/run
admin_socket = ${directory}/run/$name.asok
log_file = ${directory}/log/$name.log
log_to_stderr = false
clog_to_monitors = default=false
mon_cluster_log_file = ${directory}/log/cluster.log
crash_dir = ${directory}/crash
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_delete = true
mon_max_pg_per_osd = 500
# A developer's disk is often nearly full.
mon_data_avail_warn = 2
mon_data_avail_crit = 1
# By default the monitor gathers changes for a second.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01

[mon]
mon_data = ${directory}/data/$name
keyring = ${directory}/keyrings/mon.

[mgr]
mgr_data = ${directory}/data/$name
mgr_module_path = ${directory}/modules
mgr_initial_modules = volumes
mgr_tick_period = 1

[osd]
osd_data = ${directory}/data/$name
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_memory_target = 939524096
osd_memory_cache_min = 67108864
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 1
osd_mclock_skip_benchmark = true
osd_class_update_on_start = false

[mds]
mds_data = ${directory}/data/$name
mds_cache_memory_limit = 67108864
mds_tick_interval = 0.2

# Clients that run at the same time would fight for one socket.
[client]
admin_socket =
`;
}
