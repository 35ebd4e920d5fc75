"""`credwatch collect`: the small shipper for other hosts. It reads, keeps on disk, and sends until it was told yes."""
