"""Random inputs for what reads and writes foreign text. From hosts/samba:

python3 -m tests.fuzz --seconds 60 --seed 7 [TARGET...]

Prints the seed. An input that breaks a target's promise is kept in seeds/TARGET, where the unit tests find it again."""
