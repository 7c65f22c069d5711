"""One disk in a repository: links of a chain, as block folders or VHD files."""
