import { expect } from 'chai';
import { addressOf, isBelow, programInAddress } from './addresses.js';

const allows = (rule: string, url: string): boolean => {
  const [one, other] = [addressOf(rule), addressOf(url)];
  return one !== undefined && other !== undefined && isBelow(other, one);
};

describe('repository addresses', () => {
  for (const [rule, ...urls] of [
    ['rest:https://good.example.com/', 'rest:https://good.example.com', 'rest:https://good.example.com/web1/', 'rest:https://GOOD.example.COM:443/a/b', 'rest:HTTPS://good.example.com//a', 'rest:https://user:pw@good.example.com/a', 'rest:https://good.example.com:0443/'],
    ['rest:https://good.example.com/team', 'rest:https://good.example.com/team', 'rest:https://good.example.com/team/web1'],
    ['rest:http://[::1]:8000/', 'rest:http://[::1]:8000/a'],
    ['s3:https://s3.example.com/bucket', 's3:s3.example.com/bucket/web1', 's3://s3.example.com/bucket', 's3:https://s3.example.com:443/bucket/'],
    ['sftp:backup.example.com:/srv/restic', 'sftp:me@backup.example.com:/srv/restic/web1', 'sftp://backup.example.com//srv/restic', 'sftp://me@BACKUP.example.com:22//srv/restic/a'],
    ['sftp:backup.example.com:restic', 'sftp:backup.example.com:restic/web1', 'sftp://backup.example.com/restic'],
    ['b2:bucket:team', 'b2:bucket:team/web1', 'b2:bucket:/team/'],
    ['gs:bucket:/', 'gs:bucket:/a', 'gs:bucket'],
    ['rclone:remote:dir', 'rclone:remote:dir/web1'],
  ] as const) {
    for (const url of urls) it(`${rule} allows ${url}`, () => { expect(allows(rule, url)).to.equal(true); });
  }

  for (const [rule, ...urls] of [
    ['rest:https://good.example.com/', 'rest:https://good.example.com.evil/', 'rest:https://good.example.comevil/', 'rest:https://good.example.com@evil/', 'rest:https://a@good.example.com@evil/', 'rest:https://good.example.com:443@evil/', 'rest:https://evil/good.example.com/', 'rest:https://evil/?good.example.com/', 'rest:https://evil#@good.example.com/', 'rest:https://evil\\@good.example.com/', 'rest:https://good.example.com\\@evil/', 'rest:http://good.example.com/', 'rest:https://good.example.com:8443/', 'rest:https://good.example.com./', 'rest:https://good.example.com\n.evil/', 'rest:https://good.example.com%2eevil/', 'rest: https://good.example.com/', 's3:https://good.example.com/', 'https://good.example.com/', 'REST:https://good.example.com/', 'rest:https:///good.example.com/', 'rest:https:good.example.com'],
    ['rest:https://good.example.com/team', 'rest:https://good.example.com/', 'rest:https://good.example.com/teammate', 'rest:https://good.example.com/Team', 'rest:https://good.example.com/team/../other', 'rest:https://good.example.com/team/%2e%2e/other', 'rest:https://good.example.com/team/..%2fother', 'rest:https://good.example.com/team%2f..', 'rest:https://good.example.com/./team'],
    ['s3:https://s3.example.com/bucket', 's3:s3.example.com/bucket2', 's3:s3.example.com/other', 's3:http://s3.example.com/bucket', 's3:s3.example.com@evil/bucket', 's3:evil@s3.example.com/bucket'],
    ['sftp:backup.example.com:/srv/restic', 'sftp:backup.example.com:srv/restic', 'sftp://backup.example.com/srv/restic', 'sftp://backup.example.com:2222//srv/restic', 'sftp:backup.example.com:/srv/restic/../../etc', 'sftp:a@b@backup.example.com:/srv/restic', 'sftp:evil:backup.example.com:/srv/restic', 'sftp:-oProxyCommand=x@backup.example.com:/srv', 'SFTP:backup.example.com:/srv/restic'],
    ['b2:bucket:team', 'b2:bucket', 'b2:bucket2:team', 'b2:bucket:teams', 'gs:bucket:team', 'b2:bucket:team/../x'],
    ['rclone:remote:dir', 'rclone:remote:/dir', 'rclone:remote2:dir', 'rclone::sftp,ssh="x":dir', 'rclone:remote,ssh=x:dir', 'rclone:/dir'],
  ] as const) {
    for (const url of urls) it(`${rule} does not allow ${JSON.stringify(url)}`, () => { expect(allows(rule, url)).to.equal(false); });
  }

  it('knows which addresses name a program in place of storage', () => {
    for (const url of ['sftp:-oProxyCommand=touch /x:/y', 'sftp:me@-oProxyCommand=x:/y', 'sftp://-oProxyCommand=x/y', 'sftp://me@-x:22/y', "rclone::sftp,ssh='touch /x':y", 'rclone:--config=/x', 'rclone:remote,ssh=x:y']) expect(programInAddress(url), url).to.be.a('string');
    for (const url of ['sftp:me@host:/y', 'sftp:host:dir@-x', 'sftp://host/-x', 'sftp:h-o:/-y', 'rclone:my remote:/y', 'rclone:r:y', 'rest:https://host/-x', '/srv/-x']) expect(programInAddress(url), url).to.equal(undefined);
  });
});
