# What a unit needs in order to read directories of dumps that belong to other users: one
# capability, which a user namespace would not let it use.
{
  User = "dump-database";
  AmbientCapabilities = "CAP_DAC_READ_SEARCH";
  CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
  PrivateUsers = false;
}
