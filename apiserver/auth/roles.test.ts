import { expect } from 'chai';
import { GROUP } from '#crds/kinds.js';
import type { Role } from '#crds/objectStore.js';
import { authorize } from './roles.js';

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'bind', 'sethooks', 'restoreinplace', 'restorefrom', 'approveforget', 'rollout'];
const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2, system: 3 };

function may(role: Role, verb: string, resource: string, group = GROUP): boolean {
  return authorize({ name: 'x', role }, { verb, group, resource }).allowed;
}

describe('the role table', () => {
  it('keeps Secrets, Leases and everything it does not name for admins (fail closed)', () => {
    for (const verb of verbs) {
      for (const [group, resource] of [['', 'secrets'], ['coordination.k8s.io', 'leases'], [GROUP, 'surprises'], ['apps', 'deployments'], [GROUP, 'hosts/proxy'], ['', 'hosts'], ['*', '*']] as const) {
        expect(may('viewer', verb, resource, group), `viewer ${verb} ${resource}`).to.be.false;
        expect(may('operator', verb, resource, group), `operator ${verb} ${resource}`).to.be.false;
        expect(may('admin', verb, resource, group), `admin ${verb} ${resource}`).to.be.true;
      }
    }
  });

  it('lets viewers read our kinds and change nothing', () => {
    for (const resource of ['hosts', 'repositories', 'sourcegroups', 'schedules', 'resticjobs', 'enrollmentrequests']) {
      for (const verb of verbs) expect(may('viewer', verb, resource), `${verb} ${resource}`).to.equal(['get', 'list', 'watch'].includes(verb));
    }
  });

  it('lets operators run and arrange backups, but not delete hosts, make repositories or write status', () => {
    expect(may('operator', 'create', 'resticjobs')).to.be.true;
    expect(may('operator', 'delete', 'schedules')).to.be.true;
    expect(may('operator', 'create', 'hosts')).to.be.true;
    expect(may('operator', 'delete', 'hosts')).to.be.false;
    expect(may('operator', 'create', 'repositories')).to.be.false;
    expect(may('operator', 'patch', 'hosts/status')).to.be.false;
  });

  it('keeps the field rights for admins', () => {
    for (const verb of ['bind', 'sethooks', 'restoreinplace', 'restorefrom', 'approveforget', 'rollout']) {
      for (const resource of ['repositories', 'hosts', 'sourcegroups', 'resticjobs']) expect(may('operator', verb, resource)).to.be.false;
    }
  });

  it('gives a higher role everything a lower one has', () => {
    const roles = (Object.keys(rank) as Role[]).sort((a, b) => rank[a] - rank[b]);
    for (const verb of verbs) {
      for (const resource of ['hosts', 'repositories', 'sourcegroups', 'schedules', 'resticjobs', 'resticjobs/log', 'enrollmentrequests', 'enrollmenttokens', 'account', 'manifests']) {
        const answers = roles.map((role) => may(role, verb, resource));
        expect(answers.toString(), `${verb} ${resource}`).to.equal([...answers].sort((a, b) => Number(a) - Number(b)).toString());
      }
    }
  });
});
