const pollStatus = async (projectName) => {
  const response = await fetch(`/api/projects/${projectName}/status`);
  const status = await response.json();
  updateUI(status.status_info.status);
};
