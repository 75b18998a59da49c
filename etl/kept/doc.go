// Package kept holds the drops as they came in, sealed.
//
// What a partner uploaded lies in clear in its SFTP area only until the drop has been taken. Then its plain files go into
// one file beside the checked rows, landing/PARTNER/DROP/raw.age: a tar archive, zstd, sealed with age to a key that was
// made for this drop alone. That key lies in raw.key, sealed to the home's keys/drops.key. To destroy raw.key is to destroy
// the drop: `forget` does so, because a file as it came cannot lose one of its rows. Nothing of the program reads what is
// kept; it is there for a dispute, or for a dictionary that comes later:
//
//	age -d -i keys/drops.key landing/PARTNER/DROP/raw.key > drop.key
//	age -d -i drop.key landing/PARTNER/DROP/raw.age | zstd -d | tar xv
//
// Files that agencies sealed (.csv.age: persons with tokens as they were sent) are not kept. Shed removes them from the area before
// the lake is built; what stays of them is the checked rows under the vault's key, and their SHA-256 in the manifest.
//
// A crash leaves either the upload or both files: raw.key is written last, and only then does the upload go.
package kept
