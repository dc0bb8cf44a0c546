"""What several services share: file formats and the ways OpenStack programs are configured and run."""
