const downloadModel = async (projectName, format) => {
  const response = await fetch(`/api/projects/${projectName}/download/${format}`);
  const { download_url } = await response.json();
  
  // Open download URL
  window.open(download_url, '_blank');
};
