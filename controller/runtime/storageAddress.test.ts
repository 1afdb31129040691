import { expect } from 'chai';
import { addressOf, isDirectory } from './storageAddress.js';

describe('the storage that a URL names', () => {
  const same: string[][] = [
    ['/srv/repo', '/srv/repo/', 'local:/srv/repo', '/srv//repo', '/srv/./repo/.'],
    ['rest:http://backup.example:80/web1/', 'rest:http://Backup.Example/web1', 'REST:http://backup.example//web1/'],
    ['rest:https://backup.example:443/web1/', 'rest:https://backup.example/web1'],
    ['s3:https://s3.example/bucket/web1', 's3:s3.example/bucket/web1/', 's3:s3.example:443/bucket//web1'],
    ['sftp:backup@nas:/srv/web1', 'sftp://backup@nas//srv/web1', 'sftp://backup@NAS:22//srv/web1/'],
    ['sftp:nas:web1', 'sftp://nas/web1'],
    ['b2:bucket:web1', 'b2:bucket:web1/'],
  ];
  for (const spellings of same) it(`is one for ${spellings.join(', ')}`, () => { expect(new Set(spellings.map(addressOf)).size, spellings.map(addressOf).join(' ')).to.equal(1); });

  it('differs by place, account, port, scheme and case of the path', () => {
    const different = [...same.map(([first = '']) => first), 'rest:http://backup.example:8000/web1', 'rest:https://backup.example/Web1', 'rest:https://backup.example/web', 's3:http://s3.example/bucket/web1', 'sftp:other@nas:/srv/web1', 'sftp:backup@nas:srv/web1', 'sftp://backup@nas:2222//srv/web1', '/srv/.repo', '/srv/repo2', '/'];
    expect(new Set(different.map(addressOf)).size).to.equal(different.length);
  });

  it('is a directory of its host, or storage that many reach', () => {
    expect(['/srv/repo', 'local:/srv/repo', 'rest:http://h/x', 'sftp:h:/x'].map(isDirectory)).to.deep.equal([true, true, false, false]);
  });
});
