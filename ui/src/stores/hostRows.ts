/** The dashboard's rows: every host joined with its repository, groups and jobs, computed once for all its panels. */
import { defineStore } from 'pinia';
import { computed } from 'vue';
import { hostRow, repositoryName, type HostRow } from '../model/hostRow.js';
import { useHosts } from './hosts.js';
import { useJobs } from './jobs.js';
import { useRepositories } from './repositories.js';
import { useSourceGroups } from './sourceGroups.js';

export const useHostRows = defineStore('hostRows', () => {
  const hosts = useHosts();
  const repositories = useRepositories();
  const groups = useSourceGroups();
  const jobs = useJobs();
  const rows = computed<HostRow[]>(() => [...hosts.byUid.values()].map((host) => hostRow({
    host,
    repository: repositories.byName.get(repositoryName(host)),
    groups: groups.ofHost(host),
    jobs: jobs.byHost.get(host.metadata.name) ?? [],
  })));
  const troubled = computed(() => rows.value.filter((row) => row.trouble.length > 0).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)));
  return { rows, troubled };
});

function rank(row: HostRow): number {
  return row.trouble[0]?.severity === 'bad' ? 0 : 1;
}
